import type { SendMessage } from '../../lib/channel-commands.ts'
import { type Bucket, fullBucket, type Rate, take } from '../../lib/token-bucket.ts'

const MAX_SENDERS = 10_000

/** Takes a channel, a user and a nonce: whether slow mode is nothing to them, who moderate, or to what was said already. */
const EXEMPT = `SELECT 1 FROM channel_members WHERE channel_id = ?1 AND member_id = ?2 AND role <> 'member'
  UNION ALL SELECT 1 FROM channel_messages WHERE channel_id = ?1 AND author_id = ?2 AND nonce = ?3 LIMIT 1`

type Channel = { id: string; sql: SqlStorage; d1: D1Database }

/** How often each may send something to a channel: `perSecond`, and twice as much at once; in slow mode one in a time. */
export class SendLimits {
  readonly #channel: Channel
  readonly #rate: Rate
  readonly #buckets = new Map<string, Bucket>()
  /** Until when the sender of a send had to wait before it. */
  readonly #before = new WeakMap<SendMessage, number>()
  #hasTable = false

  constructor(channel: Channel, perSecond: number) {
    this.#channel = channel
    this.#rate = { perSecond, burst: perSecond * 2 }
  }

  /** Counts a send. Gives 0, or how many milliseconds to wait; at once where there is no slow mode. */
  wait(send: SendMessage, slowModeS: number): number | Promise<number> {
    return slowModeS > 0 ? this.#waitSlowly(send, slowModeS * 1_000) : this.#take(send.actor, Date.now())
  }

  /** A send that was refused, or was one before, does not count in slow mode. */
  giveBack(send: SendMessage): void {
    const before = this.#before.get(send)
    if (before !== undefined) this.#setUntil(send.actor, before, Date.now())
  }

  async #waitSlowly(send: SendMessage, slowMs: number): Promise<number> {
    const now = Date.now()
    const until = this.#until(send.actor)
    if (until > now && !(await this.#isExempt(send))) return until - now
    const wait = this.#take(send.actor, now)
    if (wait > 0) return wait
    // At once, so that of many messages at once one goes through.
    this.#before.set(send, until)
    this.#setUntil(send.actor, now + slowMs, now)
    return 0
  }

  #take(userId: string, now: number): number {
    if (this.#buckets.size >= MAX_SENDERS) this.#buckets.clear()
    let bucket = this.#buckets.get(userId)
    if (!bucket) {
      bucket = fullBucket(this.#rate, now)
      this.#buckets.set(userId, bucket)
    }
    return take(bucket, this.#rate, now)
  }

  async #isExempt({ actor, nonce }: SendMessage): Promise<boolean> {
    const row = await this.#channel.d1.prepare(EXEMPT).bind(this.#channel.id, actor, nonce).first()
    return row !== null
  }

  /** Until when a user waits, in milliseconds since 1970; 0 when they do not. */
  #until(userId: string): number {
    const [row] = this.#sql.exec<{ until: number }>('SELECT until FROM slow WHERE user_id = ?', userId).toArray()
    return row?.until ?? 0
  }

  #setUntil(userId: string, until: number, now: number): void {
    this.#sql.exec('DELETE FROM slow WHERE until <= ?', now)
    this.#sql.exec('INSERT OR REPLACE INTO slow VALUES (?, ?)', userId, until)
  }

  get #sql(): SqlStorage {
    const { sql } = this.#channel
    if (!this.#hasTable) sql.exec('CREATE TABLE IF NOT EXISTS slow (user_id TEXT PRIMARY KEY, until INTEGER NOT NULL)')
    this.#hasTable = true
    return sql
  }
}
