import type { Db } from '../../db/client.ts'
import { describeError, type Log } from '../../http/log.ts'
import type { EventLog } from './event-log.ts'
import { settleWithin } from './settle.ts'

/** Pauses between tries, doubling, while D1 is down. */
const PAUSE_MS = { first: 2_000, most: 60_000 }

/** D1 failed when a run ended. It hears of it later; what the watchers were told stays as it was. */
export class LateSettlement {
  readonly #db: Db
  readonly #runs: EventLog
  readonly #log: Log
  #tries = 0

  constructor(db: Db, runs: EventLog, log: Log) {
    this.#db = db
    this.#runs = runs
    this.#log = log
  }

  /** Tries all that D1 has not heard of. `isLive` says that a run is being ended in this moment. */
  async settle(isLive: (runId: string) => boolean): Promise<void> {
    for (const { ref, outcome } of this.#runs.unsettled()) {
      if (isLive(ref.id) || !outcome) continue
      try {
        await settleWithin(this.#db, ref, outcome)
        this.#runs.markSettled(ref.id)
        this.#tries = 0
      } catch (error) {
        this.#tries += 1
        this.#log('error', 'settlement_failed', { run_id: ref.id, ...describeError(error) })
      }
    }
  }

  /** How long until the next try, in milliseconds; `undefined` when there is nothing to try. */
  pauseMs(isLive: (runId: string) => boolean): number | undefined {
    if (!this.#runs.unsettled().some(({ ref }) => !isLive(ref.id))) return undefined
    return Math.min(PAUSE_MS.most, PAUSE_MS.first * 2 ** this.#tries)
  }
}
