import type { ChannelEvent } from '../../lib/channel-commands.ts'

/** A shard whose Gateway has sockets of this channel, and the number of the last event that it has. */
export type Subscription = { shard: number; sent: number; generation: number }

/**
 * What a channel's Durable Object keeps: who is to be told of events, and of whom the shard that is concerned has not been told yet.
 * All of it could be lost: a Gateway finds out within its tick.
 */
export class Books {
  readonly #storage: SqlStorage
  #isOpen = false
  #generation = 0

  constructor(sql: SqlStorage) {
    this.#storage = sql
  }

  /** Made when first needed: whoever asks for a channel that is none leaves nothing behind. */
  get #sql(): SqlStorage {
    if (this.#isOpen) return this.#storage
    this.#isOpen = true
    this.#storage.exec(`CREATE TABLE IF NOT EXISTS subscriptions (shard INTEGER PRIMARY KEY, sent INTEGER NOT NULL, generation INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS outbox (shard INTEGER NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (shard, seq));
      CREATE TABLE IF NOT EXISTS slow (user_id TEXT PRIMARY KEY, until INTEGER NOT NULL)`)
    return this.#storage
  }

  subscriptions(): Subscription[] {
    return this.#sql.exec<Subscription>('SELECT * FROM subscriptions').toArray()
  }

  subscription(shard: number): Subscription | undefined {
    return this.#sql.exec<Subscription>('SELECT * FROM subscriptions WHERE shard = ?', shard).toArray()[0]
  }

  /** From now on the shard is told of everything after number `sent`. No generation is ever used twice. */
  subscribe(shard: number, sent: number): void {
    this.#generation = Math.max(this.#generation + 1, Date.now())
    this.#sql.exec('INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?)', shard, sent, this.#generation)
  }

  markSent(shard: number, sent: number): void {
    this.#sql.exec('UPDATE subscriptions SET sent = ? WHERE shard = ?', sent, shard)
    this.#sql.exec('DELETE FROM outbox WHERE shard = ? AND seq <= ?', shard, sent)
  }

  unsubscribe(shard: number): void {
    this.#sql.exec('DELETE FROM subscriptions WHERE shard = ?', shard)
  }

  /** That a shard must be told of an event, whether it has sockets of the channel or not. */
  owe(shard: number, event: ChannelEvent): void {
    this.#sql.exec('INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)', shard, event.seq, JSON.stringify(event))
  }

  owed(shard: number): ChannelEvent[] {
    return this.#sql
      .exec<{ event: string }>('SELECT event FROM outbox WHERE shard = ? ORDER BY seq LIMIT 200', shard)
      .toArray()
      .map(({ event }) => JSON.parse(event))
  }

  paid(shard: number, upTo: number): void {
    this.#sql.exec('DELETE FROM outbox WHERE shard = ? AND seq <= ?', shard, upTo)
  }

  /** Shards that are owed something. */
  creditors(): number[] {
    return this.#sql
      .exec<{ shard: number }>('SELECT DISTINCT shard FROM outbox')
      .toArray()
      .map(({ shard }) => shard)
  }

  /** Until when a user waits in slow mode, in milliseconds since 1970; 0 when they do not. */
  slowUntil(userId: string): number {
    return (
      this.#sql.exec<{ until: number }>('SELECT until FROM slow WHERE user_id = ?', userId).toArray()[0]?.until ?? 0
    )
  }

  slowDown(userId: string, until: number, now: number): void {
    this.#sql.exec('DELETE FROM slow WHERE until <= ?', now)
    this.#sql.exec('INSERT OR REPLACE INTO slow VALUES (?, ?)', userId, until)
  }
}
