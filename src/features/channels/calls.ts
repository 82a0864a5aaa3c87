import { sql } from 'drizzle-orm'
import { mayAnswer } from '../../db/answering.ts'
import type { Db } from '../../db/client.ts'
import { describeError, type Log } from '../../http/log.ts'
import type { Call, ChannelEvent } from '../../lib/channel-commands.ts'

const PAGE = 100
/** Events after which a chatbot, or its owner, may not be there any more. */
const REMOVAL = /^(member\.(left|removed|banned)|channel\.deleted)$/

/** The Runner of a chatbot in a channel, as far as it is asked from here. */
type Answering = { answer: (call: Call) => Promise<void>; dismiss: () => Promise<void> }

type Desk = { channelId: string; db: Db; runnerOf: (chatbotId: string) => Answering; log: Log }

/**
 * Who calls which chatbot of a channel: behind the commit, and nothing where there is no chatbot. What was said and calls one is found in
 * D1, so that nothing is lost with this object, and is handed to the Runner of the chatbot until that has it; being handed on twice is
 * harmless.
 */
export class Calls {
  readonly #desk: Desk
  readonly #chatbots = new Set<string>()
  /** All that was said up to here has been handed on. */
  #done = 0
  #noticed = 0
  #hasCalls = false
  #hasRemovals = false
  #running: Promise<void> | undefined

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get hasChatbots(): boolean {
    return this.#chatbots.size > 0
  }

  /** There is something to hand on. */
  get isDue(): boolean {
    return this.#hasCalls || this.#hasRemovals || this.#running !== undefined
  }

  /** These are in it now, with events up to `head`, of which those up to `done` were dealt with. */
  open(chatbotIds: string[], done: number, head: number): void {
    this.#chatbots.clear()
    for (const id of chatbotIds) this.#chatbots.add(id)
    this.#done = done
    this.#noticed = head
    this.#hasCalls = done < head && this.hasChatbots
    this.#hasRemovals = done < head
  }

  /** Numbers begin anew. */
  restart(): void {
    this.#done = 0
    this.#noticed = 0
  }

  /** Of the log was seen so much; gives how far it is surely dealt with. */
  upTo(seen: number): number {
    return this.isDue ? Math.min(this.#done, seen) : seen
  }

  /** What happened, in order. */
  notice(events: ChannelEvent[]): void {
    // Some of the log is read again, and then it is no news.
    for (const event of events.filter(({ seq }) => seq > this.#noticed)) {
      if (!this.isDue) this.#done = this.#noticed
      if ((this.hasChatbots || event.chatbot) && REMOVAL.test(event.type)) this.#hasRemovals = true
      if (event.chatbot && event.type === 'member.joined') this.#chatbots.add(event.chatbot)
      if (event.chatbot && REMOVAL.test(event.type)) this.#chatbots.delete(event.chatbot)
      if (this.hasChatbots && this.#mayCall(event)) this.#hasCalls = true
      this.#noticed = event.seq
    }
  }

  /** Resolves when all is handed on, or some of it could not be. It never rejects. */
  handOn(): Promise<void> {
    if (this.isDue) {
      this.#running ??= this.#handOn()
        .catch((error) => this.#desk.log('error', 'calls_failed', describeError(error)))
        .finally(() => {
          this.#running = undefined
        })
    }
    return this.#running ?? Promise.resolve()
  }

  /** Its mentions are in its frame; whether they call anybody is read in D1. */
  #mayCall({ type, author, frame }: ChannelEvent): boolean {
    return type === 'message' && !this.#chatbots.has(author!) && [...this.#chatbots].some((id) => frame.includes(id))
  }

  async #handOn(): Promise<void> {
    while (this.#hasCalls || this.#hasRemovals) {
      const [upTo, hasCalls, hasRemovals] = [this.#noticed, this.#hasCalls, this.#hasRemovals]
      this.#hasCalls = false
      this.#hasRemovals = false
      try {
        if (hasRemovals) await this.#dismiss()
        if (hasCalls) await this.#call()
        this.#done = Math.max(this.#done, upTo)
      } catch (error) {
        this.#hasCalls ||= hasCalls
        this.#hasRemovals ||= hasRemovals
        throw error
      }
    }
  }

  /** Ends what chatbots are at that may not answer here any more. */
  async #dismiss(): Promise<void> {
    const { channelId, db, runnerOf } = this.#desk
    const strays = await db
      .select({ id: sql<string>`DISTINCT r.chatbot_id`.as('id') })
      .from(sql`runs r`)
      .where(
        sql`r.channel_id = ${channelId} AND r.status = 'in_progress' AND NOT ${mayAnswer(sql`r.chatbot_id`, channelId, Date.now())}`,
      )
    await Promise.all(strays.map(({ id }) => runnerOf(id).dismiss()))
  }

  /** Hands on whatever calls a chatbot and has neither a run nor the news that there will be none. */
  async #call(): Promise<void> {
    for (let after = this.#done, page = PAGE; page === PAGE; ) {
      const calls = await this.#find(after)
      for (const call of calls) await this.#desk.runnerOf(call.chatbotId).answer(call)
      page = calls.length
      // A message may call several, of which the last may have had no place here.
      after = (calls.at(-1)?.seq ?? 0) - 1
    }
  }

  #find(after: number): Promise<Call[]> {
    const { channelId, db } = this.#desk
    const key = sql`'channel:' || n.channel_id || ':' || n.seq || ':' || n.member_id`
    return db
      .select({
        channelId: sql<string>`n.channel_id`.as('channel_id'),
        chatbotId: sql<string>`n.member_id`.as('chatbot_id'),
        seq: sql<number>`n.seq`.as('seq'),
        messageId: sql<string>`m.id`.as('message_id'),
        threadId: sql<string>`coalesce(m.thread_id, m.id)`.as('thread_id'),
      })
      .from(
        sql`json_each(${JSON.stringify([...this.#chatbots])}) w CROSS JOIN channel_mentions n ON n.member_id = w.value
          AND n.channel_id = ${channelId} AND n.seq > CAST(${after} AS INTEGER)
          CROSS JOIN channel_messages m ON m.id = n.message_id AND m.author_kind = 'user'`,
      )
      .where(
        sql`NOT EXISTS (SELECT 1 FROM runs WHERE trigger_key = ${key})
          AND NOT EXISTS (SELECT 1 FROM channel_events e WHERE e.channel_id = n.channel_id AND e.command_id = 'failed ' || ${key})`,
      )
      .orderBy(sql`n.seq`)
      .limit(PAGE)
  }
}
