import { useEffect, useState } from 'preact/hooks'

/** Nobody types slower than this between two letters of a word. */
const TYPING_MS = 300

/** What is being typed, once it has not changed for a moment. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}
