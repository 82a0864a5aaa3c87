import type { Context } from 'hono'
import type { AppEnv } from '../context.ts'
import { within } from '../deadline.ts'

/** Seconds that the binding BURST counts over (wrangler.toml). */
export const BURST_S = 10

const DEADLINE_MS = 100

/**
 * Whether a subject sends more than a location is to take at once, by the platform's own counter. It is local to the
 * machine, so it is asked on the way; without an answer there is no burst.
 */
export async function isBurst({ env }: Context<AppEnv>, subject: string): Promise<boolean> {
  const binding = env.BURST as RateLimit | undefined
  if (!binding) return false
  try {
    return !(await within(DEADLINE_MS, binding.limit({ key: subject }))).success
  } catch {
    return false
  }
}
