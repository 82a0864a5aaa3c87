import { within } from '../../lib/deadline.ts'

/** Seconds that the binding BURST counts over (wrangler.toml). */
export const BURST_S = 10

/** One request in so many is asked about and stands for all: the simulator of a local server takes its time. */
export const ASKED_ONE_IN = 20
const DEADLINE_MS = 100

/**
 * Whether a subject sends more at once than a location is to take, by the platform's own counter. `count` is how many of
 * its requests this isolate let in, this one among them. Without the binding, or an answer, there is no burst.
 */
export async function isBurst(binding: RateLimit | undefined, subject: string, count: number): Promise<boolean> {
  if (!binding || count % ASKED_ONE_IN !== 0) return false
  try {
    const { success } = await within(DEADLINE_MS, binding.limit({ key: subject }))
    return !success
  } catch {
    return false
  }
}
