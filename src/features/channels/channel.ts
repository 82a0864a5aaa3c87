import { DurableObject } from 'cloudflare:workers'
import { databaseOf } from '../../db/cells.ts'
import { openDb } from '../../db/client.ts'
import { inTime } from '../../db/impatience.ts'
import { type Config, configOf } from '../../env.ts'
import { describeError, type Log, openLog } from '../../http/log.ts'
import {
  type ChannelEvent,
  type Command,
  type LogPage,
  type Outcome,
  type Push,
  runnerOfChatbot,
  type SignalKind,
  type Subscribed,
} from '../../lib/channel-commands.ts'
import { gatewayName, shardOf } from '../../lib/shards.ts'
import { Books, type Subscription } from './books.ts'
import { Calls } from './calls.ts'
import { CommandLimits } from './command-limits.ts'
import { CommandQueue } from './command-queue.ts'
import { Departures } from './departures.ts'
import { EventCache, MAX_CACHED } from './event-cache.ts'
import { type EventRow, type HeadRow, type MessageJson, SELECT_EVENTS, SELECT_HEAD, toEvent } from './event-rows.ts'
import { ShardFeed } from './shard-feed.ts'
import { toChannelMessage } from './wire/message.ts'

/** Events that one call gives at the most. */
const PAGE = 200
/** So long after a batch it is made sure that its events were handed on, even if this object is not there any more. */
const CHECK_MS = 5_000
const RECHECK_MS = 30_000
const UNAVAILABLE: Outcome = { ok: false, code: 'unavailable', retryAfterMs: 1_000 }

/**
 * The sequencer of one channel, and its only writer. A command is answered when D1 has it; then it is handed to the Gateways that
 * have sockets of the channel (docs/realtime.md). Whatever is lost of this object, no message is.
 */
export class Channel extends DurableObject<Env> {
  readonly #id: string
  readonly #config: Config
  readonly #log: Log
  readonly #books: Books
  readonly #cache = new EventCache()
  readonly #queue: CommandQueue
  readonly #limits: CommandLimits
  readonly #calls: Calls
  readonly #departures: Departures
  readonly #feeds = new Map<number, ShardFeed>()
  #head: HeadRow | undefined
  #loading: Promise<void> | undefined
  /** It is not known what became of a batch. */
  #isUncertain = false
  /** The last number whose event was looked at for whom it is about. */
  #seen = 0
  /** When the alarm is due, as far as this instance has set it. */
  #checkAt = Number.POSITIVE_INFINITY

  constructor(state: DurableObjectState, env: Env) {
    super(state, env)
    this.#id = state.id.name!
    this.#config = configOf(env)
    this.#log = openLog({ channel: this.#id })
    const { sql } = state.storage
    this.#books = new Books(sql)
    this.#limits = new CommandLimits({ id: this.#id, sql, d1: this.#d1 }, this.#config.CHANNEL_SEND_LIMIT)
    this.#queue = new CommandQueue({
      channelId: this.#id,
      d1: this.#d1,
      after: () => this.#head?.head ?? 0,
      hasChatbots: () => this.#calls.hasChatbots,
      committed: (rows, head) => this.#committed(rows, head),
      lost: () => {
        this.#isUncertain = true
      },
      log: this.#log,
    })
    this.#calls = new Calls({
      channelId: this.#id,
      db: openDb(this.#d1),
      runnerOf: (chatbotId) => env.RUNNER.getByName(runnerOfChatbot(this.#id, chatbotId)),
      log: this.#log,
    })
    this.#departures = new Departures({
      shards: this.#config.SOCKET_SHARDS,
      books: this.#books,
      pump: (shard) => this.#feed(shard).pump(),
      doubt: (shard, userId) => this.#gateway(shard).doubt([userId]),
      turnAway: (userId) => this.#calls.turnAway([userId]),
    })
  }

  get #d1(): D1Database {
    return databaseOf(this.env, this.#id)
  }

  /** Does what is asked, in the order in which it comes. What is ok is in D1. */
  async submit(commands: Command[]): Promise<Outcome[]> {
    // Without a pause when it is known: the order of calls is the order of commands.
    const head = this.#head ?? (await this.#load().catch(() => 'down' as const))
    if (head === 'down') return commands.map(() => UNAVAILABLE)
    if (!head) return commands.map(() => ({ ok: false, code: 'not_found' }))
    this.#checkIn(CHECK_MS)
    return Promise.all(commands.map((command) => this.#submitOne(command)))
  }

  /** A Gateway has sockets of this channel: from now on it is told of what happens. */
  async subscribe(shard: number): Promise<Subscribed | undefined> {
    const head = await this.#load()
    if (!head || head.is_deleted) return undefined
    const doubted = this.#books.owed(shard).map(({ subject }) => subject!)
    this.#books.subscribe(shard, head.head)
    return { epoch: head.epoch, head: head.head, isPublic: head.is_public === 1, doubted }
  }

  /** Up to `limit` events after a number, for a Gateway that is subscribed; `undefined` for one that is not. */
  async read(shard: number, after: number, limit: number): Promise<LogPage | undefined> {
    if (!(await this.#load()) || !this.#books.subscription(shard)) return undefined
    const events =
      this.#cache.after(after, Math.min(limit, PAGE)) ?? (await this.#readStored(after, Math.min(limit, PAGE)))
    // It may have been taken from the shard meanwhile.
    if (!this.#books.subscription(shard)) return undefined
    const { epoch, head, oldest } = this.#head!
    return { epoch, head, oldest, events }
  }

  /** Tells the other Gateways what is not stored and may be lost: who types, who is there. */
  async signal(fromShard: number, frame: string, kind: SignalKind, userId: string): Promise<void> {
    const others = this.#books.subscriptions().filter(({ shard }) => shard !== fromShard)
    const tell = ({ shard }: { shard: number }) =>
      this.#gateway(shard)
        .signal(this.#id, frame, kind, userId)
        .catch(() => {})
    await Promise.all(others.map(tell))
  }

  override async alarm(): Promise<void> {
    this.#checkAt = Number.POSITIVE_INFINITY
    let isDone = false
    try {
      const head = await this.#load()
      if (head) await this.#reachBack()
      await Promise.all([this.#calls.handOn(), ...this.#concerned().map((shard) => this.#feed(shard).pump())])
      if (head) this.#books.keep(head.epoch, this.#calls.upTo(this.#seen))
      // What is on its way to D1 is to be handed on, and this object may be gone by then.
      const isAtRest = !this.#calls.isDue && !this.#queue.isBusy
      isDone = !head || (isAtRest && this.#concerned().every((shard) => this.#isTold(shard)))
    } catch (error) {
      this.#log('error', 'alarm_failed', describeError(error))
    }
    if (!isDone) this.#checkIn(this.#recheckMs())
  }

  /** Does one command. Who says something and is no member joins first. */
  async #submitOne(command: Command): Promise<Outcome> {
    const wait = this.#limits.wait(command, this.#head!.slow_mode_s)
    // Without a pause where it is known: the order of calls is the order of messages.
    const retryAfterMs = typeof wait === 'number' ? wait : await wait
    if (retryAfterMs > 0) return this.#limits.refuse(command.actor, retryAfterMs)
    let outcome = await this.#queue.do(command)
    if (!outcome.ok && outcome.code === 'not_member') {
      // In contract 3 everybody may say something who is no exception.
      const join = { type: 'member.join', actor: command.actor, command_id: `join ${crypto.randomUUID()}` } as const
      const joined = await this.#queue.do(join)
      outcome = joined.ok ? await this.#queue.do(command) : joined
    }
    const isNew = outcome.ok && outcome.message?.duplicate === false
    if (command.type === 'message.send' && !isNew) this.#limits.giveBack(command)
    if (!outcome.ok && outcome.code === 'not_member') return UNAVAILABLE
    if (outcome.ok) await this.#departures.follow(command, outcome.event)
    return outcome as Outcome
  }

  /** How far the channel has come; `undefined` when there is none of this id. */
  async #load(): Promise<HeadRow | undefined> {
    if (this.#head && !this.#isUncertain) return this.#head
    this.#loading ??= this.#look().finally(() => {
      this.#loading = undefined
    })
    await this.#loading
    return this.#head
  }

  /** Reads what an earlier instance stored, or this one without learning of it: it was not handed on. */
  async #look(): Promise<void> {
    const question = this.#d1.prepare(SELECT_HEAD).bind(JSON.stringify({ channel: this.#id }))
    const head = await inTime(question.first<HeadRow & { chatbots: string }>())
    if (!head) return
    if (this.#head && head.epoch !== this.#head.epoch) this.#restart()
    const from = this.#head?.head ?? this.#books.seen(head.epoch, head.head)
    if (!this.#head) this.#calls.open(JSON.parse(head.chatbots), from, head.head)
    await this.#readFrom(from, head)
    // What is older than the cache reaches back nobody hears of, but finds.
    this.#seen = Math.max(this.#seen, head.head)
    this.#isUncertain = false
  }

  /** Numbers of another epoch mean nothing. */
  #restart(): void {
    this.#cache.clear()
    this.#head = undefined
    this.#seen = 0
    this.#calls.restart()
  }

  /** D1 has these events, and the channel has come so far. */
  async #committed(rows: EventRow[], head: HeadRow | undefined): Promise<ChannelEvent[]> {
    if (!head) return []
    if (this.#head && head.epoch !== this.#head.epoch) {
      this.#restart()
      this.#books.seen(head.epoch, head.head)
    }
    const events = rows.map((row) => this.#toEvent(row))
    this.#cache.append(events)
    this.#head = { ...head, head: events.at(-1)?.seq ?? head.head }
    await this.#owe(events)
    if (this.#head.head < head.head) await this.#readFrom(this.#head.head, head)
    await this.#reachBack()
    // The next batch does not wait for it.
    if (this.#calls.isDue) {
      // The alarm of before the batch may have come while that was on its way.
      this.#checkIn(CHECK_MS)
      this.ctx.waitUntil(this.#calls.handOn())
    }
    for (const shard of this.#concerned()) this.ctx.waitUntil(this.#feed(shard).pump())
    return events
  }

  /** Those whom an event is about must hear of it, whoever else does. */
  async #owe(events: ChannelEvent[]): Promise<void> {
    for (const event of events) {
      if (event.subject) this.#books.owe(await shardOf(event.subject, this.#config.SOCKET_SHARDS), event)
    }
    this.#calls.notice(events)
    this.#seen = Math.max(this.#seen, events.at(-1)?.seq ?? 0)
  }

  /** Brings the cache to where the slowest Gateway is, as far as it reaches back, and unless that Gateway cannot be reached. */
  async #reachBack(): Promise<void> {
    const behind = this.#books.subscriptions().filter((each) => this.#isBehind(each))
    if (behind.length > 0) await this.#readFrom(Math.min(...behind.map(({ sent }) => sent)), this.#head!)
  }

  /** What this Gateway lacks is not in the cache. */
  #isBehind({ shard, sent }: Subscription): boolean {
    const { head } = this.#head!
    if (sent >= head || sent < head - MAX_CACHED || this.#feeds.get(shard)?.isFailing) return false
    return !this.#cache.after(sent, 1)?.length
  }

  /** Takes the log after a number into the cache, as far as that reaches back. */
  async #readFrom(from: number, head: HeadRow): Promise<void> {
    let after = Math.max(from, head.head - MAX_CACHED)
    for (let page = PAGE; page === PAGE; ) {
      const { results } = await this.#selectEvents(after, PAGE)
      page = results.length
      const events = results.map((row) => this.#toEvent(row))
      this.#cache.append(events)
      await this.#owe(events)
      after = events.at(-1)?.seq ?? after
    }
    // A batch may have told more meanwhile.
    this.#head = { ...(this.#head ?? head), head: Math.max(this.#head?.head ?? 0, after) }
  }

  #toEvent(row: EventRow): ChannelEvent {
    const event = toEvent(this.#id, row)
    if (row.message !== null && /^message\.(updated|deleted)$/.test(row.type)) {
      const message: MessageJson = JSON.parse(row.message)
      this.#cache.revise(message.id, toChannelMessage(this.#id, message))
    }
    return event
  }

  #selectEvents(after: number, limit: number): Promise<D1Result<EventRow>> {
    const question = this.#d1.prepare(SELECT_EVENTS).bind(JSON.stringify({ channel: this.#id, after, limit }))
    return inTime(question.all<EventRow>())
  }

  /** What the cache does not have any more. It is not put there: it may have changed while it was read. */
  async #readStored(after: number, limit: number): Promise<ChannelEvent[]> {
    const { results } = await this.#selectEvents(after, limit)
    return results.map((row) => toEvent(this.#id, row))
  }

  #concerned(): number[] {
    const subscribed = this.#books.subscriptions().map(({ shard }) => shard)
    return [...new Set([...subscribed, ...this.#books.creditors()])]
  }

  #isTold(shard: number): boolean {
    const sent = this.#books.subscription(shard)?.sent
    return this.#books.owed(shard).length === 0 && (sent === undefined || sent >= this.#head!.head)
  }

  #feed(shard: number): ShardFeed {
    let feed = this.#feeds.get(shard)
    if (!feed) {
      feed = new ShardFeed(shard, {
        channelId: this.#id,
        books: this.#books,
        epoch: () => this.#head!.epoch,
        head: () => this.#head!.head,
        recent: (after, limit) => this.#cache.after(after, limit),
        push: (push: Push) => this.#gateway(shard).push(push),
        failed: (error) => this.#log('warn', 'push_failed', { shard, ...describeError(error) }),
      })
      this.#feeds.set(shard, feed)
    }
    return feed
  }

  #gateway(shard: number) {
    return this.env.GATEWAY.getByName(gatewayName(shard))
  }

  /** Until the alarm looks again, in milliseconds, when it could not do all of it. */
  #recheckMs(): number {
    if (this.#queue.isBusy || this.#calls.isDue) return Math.max(CHECK_MS, this.#calls.pauseMs)
    return RECHECK_MS
  }

  /** What leaves this object waits until the alarm is set. */
  #checkIn(ms: number): void {
    const at = Date.now() + ms
    if (this.#checkAt <= at) return
    this.#checkAt = at
    void this.ctx.storage.setAlarm(at)
  }
}
