import { effect, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'

/** Which place of the console is open; empty for who is not signed in. */
export const place = signal('')
const thing = signal<string | undefined>(undefined)

effect(() => {
  document.title = [thing.value, place.value, 'Parley'].filter(Boolean).join(' · ')
})

/** Names what is open in the title of the browser's tab, and so in its history. */
export function useTitle(text: string | undefined): void {
  useEffect(() => {
    thing.value = text
    return () => {
      thing.value = undefined
    }
  }, [text])
}
