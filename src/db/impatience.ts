import { Late, within } from '../lib/deadline.ts'
import type { Source } from './client.ts'
import { D1_LATE } from './failures.ts'

/** So long D1 has for one round trip when somebody waits. It would itself go on for half a minute. */
const PATIENCE_MS = 4_000

/** What D1 gives, if it does so while somebody waits for it. @throws Error that `isLate` */
export const inTime = <T>(work: Promise<T>): Promise<T> => within(PATIENCE_MS, work, D1_LATE)

/**
 * The database as who answers a request asks it: silence is a failure, and comes soon. Its timers are not cleared: they go with the
 * request, four seconds later at the most, and Node's timers, which a Worker has, are slow to clear.
 */
export const impatient = (d1: Source): Source => ({
  prepare: (query) => d1.prepare(query),
  batch: <T>(statements: D1PreparedStatement[]) => Promise.race([ask<T>(d1, statements), late()]),
})

/** A statement alone is sent as one, which spares the binding its account of a batch. */
async function ask<T>(d1: Source, statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
  const [first, ...others] = statements
  return first && others.length === 0 ? [await first.all<T>()] : d1.batch<T>(statements)
}

const late = () =>
  new Promise<never>((_, fail) => {
    setTimeout(() => fail(new Late(D1_LATE)), PATIENCE_MS)
  })
