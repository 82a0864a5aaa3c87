import { useRef } from 'preact/hooks'

/**
 * Sends what makes something, so that it is made once however often it is tried: under the same `Idempotency-Key` for as long as
 * it says the same, and under another when it was made or says something else.
 */
export function useIdempotency() {
  const last = useRef<{ body: string; key: string }>(undefined)
  return async <T>(body: unknown, send: (header: { 'idempotency-key': string }) => Promise<T>): Promise<T> => {
    const text = JSON.stringify(body)
    if (last.current?.body !== text) last.current = { body: text, key: crypto.randomUUID() }
    const mine = last.current
    const made = await send({ 'idempotency-key': mine.key })
    // Something else may be on its way by now.
    if (last.current === mine) last.current = undefined
    return made
  }
}
