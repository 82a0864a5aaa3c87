import { useEffect, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import { tell } from './toasts.tsx'

const SHOWN_MS = 2_000

/** Puts a text into the clipboard, and says that it did. `what` is for those who hear the button. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [isDone, setDone] = useState(false)
  useEffect(() => {
    if (!isDone) return
    const timer = setTimeout(() => setDone(false), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [isDone])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setDone(true)
    } catch {
      // Only pages of https may, and people can forbid it.
      tell('The browser does not allow it: mark the text and copy it by hand')
    }
  }
  return (
    <button type="button" aria-label={isDone ? 'Copied' : `Copy ${what}`} onClick={copy}>
      <Icon name={isDone ? 'done' : 'copy'} /> {isDone ? 'Copied' : 'Copy'}
    </button>
  )
}
