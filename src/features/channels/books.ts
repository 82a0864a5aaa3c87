import type { ChannelEvent } from '../../lib/channel-commands.ts'

/** A shard whose Gateway has sockets of this channel, and the number of the last event that it has. */
export type Subscription = { readonly shard: number; sent: number; readonly generation: number }

/**
 * What a channel's Durable Object keeps: who is to be told of events, and of whom the shard that is concerned has not been told yet.
 * All of it could be lost: a Gateway finds out within its tick. It is read once and then known; how far the shards have come, and the
 * object itself, is written by `keep` alone, as it changes with each message, and being told twice is harmless.
 */
export class Books {
  readonly #storage: SqlStorage
  readonly #subscriptions = new Map<number, Subscription>()
  readonly #outbox = new Map<number, ChannelEvent[]>()
  readonly #moved = new Set<Subscription>()
  #isOpen = false
  #generation = 0

  constructor(sql: SqlStorage) {
    this.#storage = sql
  }

  /** Shards in no order. */
  subscriptions(): Subscription[] {
    this.#open()
    return [...this.#subscriptions.values()]
  }

  subscription(shard: number): Subscription | undefined {
    this.#open()
    return this.#subscriptions.get(shard)
  }

  /** From now on the shard is told of everything after number `sent`. No generation is ever used twice. */
  subscribe(shard: number, sent: number): void {
    this.#open()
    this.#generation = Math.max(this.#generation + 1, Date.now())
    this.#subscriptions.set(shard, { shard, sent, generation: this.#generation })
    this.#storage.exec('INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?)', shard, sent, this.#generation)
  }

  markSent(subscription: Subscription, sent: number): void {
    subscription.sent = sent
    this.#moved.add(subscription)
  }

  unsubscribe(shard: number): void {
    this.#open()
    this.#subscriptions.delete(shard)
    this.#storage.exec('DELETE FROM subscriptions WHERE shard = ?', shard)
  }

  /** The last number whose event was surely looked at; of a channel that is new here all were. What is beyond `head` is no more. */
  seen(epoch: number, head: number): number {
    this.#open()
    const [row] = this.#storage.exec<{ epoch: number; seq: number }>('SELECT epoch, seq FROM progress').toArray()
    if (row === undefined) {
      this.keep(epoch, head)
      return head
    }
    if (row.epoch === epoch) return Math.min(row.seq, head)
    // Numbers of another epoch mean nothing: all are told of the newest event, and so of the epoch.
    for (const subscription of this.#subscriptions.values()) this.markSent(subscription, Math.max(0, head - 1))
    this.#outbox.clear()
    this.#storage.exec('DELETE FROM outbox')
    return 0
  }

  /** Writes how far the shards have come, and the object itself. */
  keep(epoch: number, seen: number): void {
    this.#storage.exec('INSERT OR REPLACE INTO progress VALUES (1, ?, ?)', epoch, seen)
    for (const { shard, sent, generation } of this.#moved) {
      this.#storage.exec(
        'UPDATE subscriptions SET sent = ? WHERE shard = ? AND generation = ?',
        sent,
        shard,
        generation,
      )
    }
    this.#moved.clear()
  }

  /** That a shard must be told of an event, whether it has sockets of the channel or not. Events come in order. */
  owe(shard: number, event: ChannelEvent): void {
    this.#open()
    const owed = this.#outbox.get(shard)
    if (owed && owed.at(-1)!.seq >= event.seq) return
    if (owed) owed.push(event)
    else this.#outbox.set(shard, [event])
    this.#storage.exec('INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)', shard, event.seq, JSON.stringify(event))
  }

  /** What a shard must be told, in order. */
  owed(shard: number): ChannelEvent[] {
    this.#open()
    return this.#outbox.get(shard) ?? []
  }

  paid(shard: number, upTo: number): void {
    const owed = this.owed(shard)
    if (owed.length === 0 || owed[0]!.seq > upTo) return
    const left = owed.filter(({ seq }) => seq > upTo)
    if (left.length > 0) this.#outbox.set(shard, left)
    else this.#outbox.delete(shard)
    this.#storage.exec('DELETE FROM outbox WHERE shard = ? AND seq <= ?', shard, upTo)
  }

  /** Shards that are owed something. */
  creditors(): number[] {
    this.#open()
    return [...this.#outbox.keys()]
  }

  /** When first needed: whoever asks for a channel that is none leaves nothing behind. */
  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#storage.exec(`CREATE TABLE IF NOT EXISTS subscriptions (shard INTEGER PRIMARY KEY, sent INTEGER NOT NULL, generation INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS outbox (shard INTEGER NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (shard, seq));
      CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL)`)
    for (const row of this.#storage.exec<Subscription>('SELECT * FROM subscriptions')) {
      this.#subscriptions.set(row.shard, { ...row })
    }
    const outbox = this.#storage.exec<{ shard: number; event: string }>('SELECT shard, event FROM outbox ORDER BY seq')
    for (const { shard, event } of outbox) {
      const owed = this.#outbox.get(shard)
      if (owed) owed.push(JSON.parse(event))
      else this.#outbox.set(shard, [JSON.parse(event)])
    }
  }
}
