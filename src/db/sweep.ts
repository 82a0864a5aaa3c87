/** Rows that one statement of a chore removes at the most. */
export const SWEEP_ROWS = 500
/** The rest waits for the next minute: a chore must not keep the database from those who wait for an answer. */
const MAX_ROUNDS = 10

/** Repeats `step`, which gives how many rows it removed, until it finds less than it could take. Gives the sum. */
export async function sweep(step: () => Promise<number>): Promise<number> {
  let removed = 0
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const count = await step()
    removed += count
    if (count < SWEEP_ROWS) break
  }
  return removed
}
