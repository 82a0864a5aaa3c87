import { within } from '../lib/deadline.ts'
import type { Source } from './client.ts'
import { D1_LATE } from './failures.ts'

/** So long D1 has for one round trip when somebody waits. It would itself go on for half a minute. */
const PATIENCE_MS = 4_000

/** What D1 gives, if it does so while somebody waits for it. @throws Error that `isLate` */
export const inTime = <T>(work: Promise<T>): Promise<T> => within(PATIENCE_MS, work, D1_LATE)

/** The database as who answers a request asks it: silence is a failure, and comes soon. */
export const impatient = (d1: Source): Source => ({
  prepare: (query) => d1.prepare(query),
  batch: (statements) => inTime(d1.batch(statements)),
})
