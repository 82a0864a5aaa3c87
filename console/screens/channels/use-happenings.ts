import { useEffect } from 'preact/hooks'
import { type Happening, subscribe } from './connection.ts'

/** Tells what happens in a channel, for as long as the screen is there. */
export function useHappenings(channelId: string, heard: (happening: Extract<Happening, { ch: string }>) => void): void {
  useEffect(
    () => subscribe((happening) => 'ch' in happening && happening.ch === channelId && heard(happening)),
    [channelId],
  )
}
