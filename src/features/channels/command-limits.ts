import { inTime } from '../../db/impatience.ts'
import type { Command, Outcome, SendMessage } from '../../lib/channel-commands.ts'
import { type Bucket, fullBucket, type Rate, take } from '../../lib/token-bucket.ts'

const MAX_ACTORS = 10_000
/** Of commands that are no messages: many at once, as a moderator may need, but not for long. */
const OTHERS: Rate = { perSecond: 10, burst: 100 }
/** So long it is remembered why a channel is not shown to somebody. */
const HIDDEN_MS = 5_000

/**
 * Takes a channel, a member and a nonce: whether slow mode is nothing to them, who moderate, or only answer, or to what was said
 * already.
 */
const EXEMPT = `SELECT 1 FROM channel_members WHERE channel_id = ?1 AND member_id = ?2 AND (role <> 'member' OR member_kind = 'chatbot')
  UNION ALL SELECT 1 FROM channel_messages WHERE channel_id = ?1 AND author_id = ?2 AND nonce = ?3 LIMIT 1`

/** Takes a channel and a user: why it is not shown to them. */
const HIDDEN = `SELECT CASE
    WHEN c.id IS NULL OR (m.member_id IS NULL AND (c.visibility = 'private' OR c.kind = 'direct')) THEN 'not_found'
    WHEN EXISTS (SELECT 1 FROM channel_bans WHERE channel_id = ?1 AND user_id = ?2) THEN 'banned' END AS code
  FROM (SELECT 1) LEFT JOIN channels AS c ON c.id = ?1 AND c.deleted_at IS NULL
  LEFT JOIN channel_members AS m ON m.channel_id = ?1 AND m.member_id = ?2`
type Hidden = 'not_found' | 'banned' | null

type Channel = { id: string; sql: SqlStorage; d1: D1Database }

/**
 * How often each may do something in a channel: of messages `perSecond`, and twice as many at once; in slow mode one in a time.
 */
export class CommandLimits {
  readonly #channel: Channel
  readonly #sends: Rate
  readonly #buckets = new Map<string, Bucket>()
  readonly #hidden = new Map<string, { until: number; code: Promise<Hidden> }>()
  /** Until when the sender of a send had to wait before it. */
  readonly #before = new WeakMap<SendMessage, number>()
  #hasTable = false

  constructor(channel: Channel, perSecond: number) {
    this.#channel = channel
    this.#sends = { perSecond, burst: perSecond * 2 }
  }

  /** Counts a command. Gives 0, or how many milliseconds to wait; at once where there is no slow mode. */
  wait(command: Command, slowModeS: number): number | Promise<number> {
    const { type, actor } = command
    if (type !== 'message.send') return this.#take(`other ${actor}`, OTHERS, Date.now())
    return slowModeS > 0 ? this.#waitSlowly(command, slowModeS * 1_000) : this.#take(actor, this.#sends, Date.now())
  }

  /** Who is to wait; but a limit tells nobody of a channel that they do not see. */
  async refuse(userId: string, retryAfterMs: number): Promise<Outcome> {
    const code = (await this.#hiddenFrom(userId)) ?? 'rate_limit_exceeded'
    return { ok: false, code, ...(code === 'rate_limit_exceeded' && { retryAfterMs }) }
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
    const wait = this.#take(send.actor, this.#sends, now)
    if (wait > 0) return wait
    // At once, so that of many messages at once one goes through.
    this.#before.set(send, until)
    this.#setUntil(send.actor, now + slowMs, now)
    return 0
  }

  #take(key: string, rate: Rate, now: number): number {
    if (this.#buckets.size >= MAX_ACTORS) this.#buckets.clear()
    let bucket = this.#buckets.get(key)
    if (!bucket) {
      bucket = fullBucket(rate, now)
      this.#buckets.set(key, bucket)
    }
    return take(bucket, rate, now)
  }

  #hiddenFrom(userId: string): Promise<Hidden> {
    const known = this.#hidden.get(userId)
    const now = Date.now()
    if (known && known.until > now) return known.code
    if (this.#hidden.size >= MAX_ACTORS) this.#hidden.clear()
    const { id, d1 } = this.#channel
    const code = inTime(d1.prepare(HIDDEN).bind(id, userId).first<{ code: Hidden }>()).then(
      (row) => row!.code,
      // While D1 is away nobody is let in anyhow.
      () => null,
    )
    this.#hidden.set(userId, { until: now + HIDDEN_MS, code })
    return code
  }

  async #isExempt({ actor, nonce }: SendMessage): Promise<boolean> {
    const row = await inTime(this.#channel.d1.prepare(EXEMPT).bind(this.#channel.id, actor, nonce).first())
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
