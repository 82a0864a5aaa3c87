import { exchange, type Store } from '../../src/http/rate-limits/exchange.ts'
import {
  admit,
  beginMerge,
  claimMerge,
  endMerge,
  newLimiter,
  type Verdict,
  WINDOW_MS,
} from '../../src/lib/rate-limiter.ts'

/** A KV in which a write is seen `staleMs` after it landed, is lost, or is refused. */
export type Weather = { staleMs: number; mergeMs: number; lost?: number; refused?: number }

/** A request for isolate `to`, in milliseconds after the window began. */
export type Arrival = { at: number; to: number }

const START = 30_000_000 * WINDOW_MS

/**
 * Isolates that run the real limiter and the real exchange on a clock of their own. Merges take up to `mergeMs`, and
 * begin when they were claimed for.
 */
export function simulate(isolates: number, weather: Weather, random: () => number) {
  let now = START
  const due: { at: number; run: () => void | Promise<void> }[] = []
  const writes: { name: string; value: string; at: number }[] = []
  const limiters = Array.from({ length: isolates }, newLimiter)

  const visible = () => writes.filter(({ at }) => at + weather.staleMs <= now)
  const storeOf = (landsAt: number): Store =>
    ({
      put: async (name: string, value: string) => {
        if (random() < (weather.refused ?? 0)) throw new Error('refused')
        if (random() >= (weather.lost ?? 0)) writes.push({ name, value, at: landsAt })
      },
      list: async () => ({ keys: [...new Set(visible().map(({ name }) => name))].map((name) => ({ name })) }),
      get: async (names: string[]) =>
        new Map(visible().flatMap(({ name, value }) => (names.includes(name) ? [[name, value]] : []))),
    }) as unknown as Store

  async function merge(isolate: number, claim: number): Promise<void> {
    const limiter = limiters[isolate]!
    const begun = beginMerge(limiter, claim, now)
    if (!begun) return
    const endsAt = now + random() * weather.mergeMs
    const { arrived, heard } = await exchange(storeOf(endsAt), `isolate-${isolate}`, begun)
    due.push({ at: endsAt, run: () => endMerge(limiter, begun, arrived, heard) })
  }

  /** Lets the time pass until `ms` after the start. */
  async function advance(ms: number): Promise<void> {
    for (;;) {
      due.sort((a, b) => a.at - b.at)
      if (due.length === 0 || due[0]!.at > START + ms) break
      const { at, run } = due.shift()!
      now = at
      await run()
    }
    now = START + ms
  }

  /** A request of the one subject there is. */
  async function ask({ at, to }: Arrival, limit: number): Promise<Verdict> {
    await advance(at)
    const verdict = admit(limiters[to]!, 'chat:ada', limit, now)
    const claim = claimMerge(limiters[to]!, now)
    if (claim === now) await merge(to, claim)
    else if (claim !== undefined) due.push({ at: claim, run: () => merge(to, claim) })
    return verdict
  }

  return { ask }
}
