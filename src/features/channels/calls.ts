import type { Db } from '../../db/client.ts'
import { describeError, type Log } from '../../http/log.ts'
import type { Call, ChannelEvent } from '../../lib/channel-commands.ts'
import { within } from '../../lib/deadline.ts'
import { Pauses } from '../../lib/pauses.ts'
import { CALLS_AT_ONCE, findCalls, findGone, findWriting } from './called-chatbots.ts'

/** A Runner that does not answer in this time could not be reached. */
const RUNNER_MS = 10_000
/** For so long a chatbot is left alone whose Runner could not be reached. */
const PAUSES = { firstMs: 1_000, mostMs: 60_000 }
/** Events after which somebody may not be there any more: a chatbot, its owner, or who follows what it writes. */
const REMOVAL = /^(member\.(left|removed|banned)|channel\.deleted)$/

/** The Runner of a chatbot in a channel, as far as it is asked from here. */
type Answering = {
  answer: (call: Call) => Promise<void>
  dismiss: () => Promise<void>
  turnAway: (userIds: string[]) => Promise<void>
}

type Desk = { channelId: string; db: Db; runnerOf: (chatbotId: string) => Answering; log: Log }

/**
 * Who calls which chatbot of a channel: behind the commit, and nothing where there is no chatbot. What was said and calls one is found in
 * D1, so that nothing is lost with this object, and is handed to the Runner of the chatbot until that has it; being handed on twice is
 * harmless. One that cannot be reached holds up no other.
 */
export class Calls {
  readonly #desk: Desk
  readonly #chatbots = new Set<string>()
  readonly #pauses = new Pauses(PAUSES)
  /** All that was said up to here has been handed on. */
  #done = 0
  #noticed = 0
  #hasCalls = false
  #hasRemovals = false
  #isRunning = false
  #running = Promise.resolve()

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get hasChatbots(): boolean {
    return this.#chatbots.size > 0
  }

  /** There is something to hand on. */
  get isDue(): boolean {
    return this.#hasCalls || this.#hasRemovals || this.#isRunning
  }

  /** Milliseconds in which nothing comes of another try. */
  get pauseMs(): number {
    return this.#pauses.shortestMs(Date.now())
  }

  /** These are in it now, with events up to `head`, of which those up to `done` were dealt with. */
  open(chatbotIds: string[], done: number, head: number): void {
    this.#chatbots.clear()
    for (const id of chatbotIds) this.#chatbots.add(id)
    this.#done = done
    this.#noticed = head
    // Also without chatbots: there may have been one.
    this.#hasCalls = done < head
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
      if (this.#isRemoval(event)) this.#hasRemovals = true
      if (event.chatbot && event.type === 'member.joined') this.#chatbots.add(event.chatbot)
      if (event.chatbot && REMOVAL.test(event.type)) this.#chatbots.delete(event.chatbot)
      if (this.hasChatbots && this.#mayCall(event)) this.#hasCalls = true
      this.#noticed = event.seq
    }
  }

  /** Resolves when all is handed on, or some of it could not be. It never rejects. */
  handOn(): Promise<void> {
    // One that is running looks for what is new before it ends, and ends in the same turn.
    if (this.isDue && !this.#isRunning) this.#running = this.#handOn()
    return this.#running
  }

  /**
   * Has the Runners cut off what these users follow of the channel. It is done with each removal once more: here for who waits for it.
   * @throws Error when a Runner cannot be reached
   */
  async turnAway(userIds: string[]): Promise<void> {
    if (userIds.length === 0 || !(this.hasChatbots || this.isDue)) return
    const { channelId, db } = this.#desk
    await allDone((await findWriting(db, channelId)).map(({ id }) => this.#turnAway(id, userIds)))
  }

  /** A mute is told as a change of a member, and may be one of a chatbot that is writing. */
  #isRemoval({ type, chatbot }: ChannelEvent): boolean {
    if (chatbot && type === 'member.updated') return true
    return REMOVAL.test(type) && (this.hasChatbots || chatbot !== undefined)
  }

  /** Its mentions are in its frame; whether they call anybody is read in D1. */
  #mayCall({ type, author, frame }: ChannelEvent): boolean {
    return type === 'message' && !this.#chatbots.has(author!) && [...this.#chatbots].some((id) => frame.includes(id))
  }

  async #handOn(): Promise<void> {
    this.#isRunning = true
    try {
      for (let isDone = true; isDone && (this.#hasCalls || this.#hasRemovals); ) isDone = await this.#pass()
    } finally {
      this.#isRunning = false
    }
  }

  /** Deals with what was noticed so far. Gives whether all of it is dealt with. */
  async #pass(): Promise<boolean> {
    const [upTo, hasCalls, hasRemovals] = [this.#noticed, this.#hasCalls, this.#hasRemovals]
    this.#hasCalls = false
    this.#hasRemovals = false
    const failed = (error: unknown) => {
      this.#desk.log('error', 'calls_failed', describeError(error))
      return false
    }
    const [called, removed] = await Promise.all([
      hasCalls ? this.#call().catch(failed) : true,
      hasRemovals ? this.#remove().then(() => true, failed) : true,
    ])
    this.#hasCalls ||= !called
    this.#hasRemovals ||= !removed
    if (called && removed) this.#done = Math.max(this.#done, upTo)
    return called && removed
  }

  /** Ends what chatbots are at that may not answer here any more, and what those follow who went. */
  async #remove(): Promise<void> {
    const { channelId, db, runnerOf } = this.#desk
    const [gone, writing] = await Promise.all([findGone(db, channelId, this.#done), findWriting(db, channelId)])
    const strays = writing.filter(({ mayAnswer }) => !mayAnswer)
    await allDone([
      ...(gone.length > 0 ? writing.map(({ id }) => this.#turnAway(id, gone)) : []),
      ...strays.map(({ id }) => within(RUNNER_MS, runnerOf(id).dismiss())),
    ])
  }

  #turnAway(chatbotId: string, userIds: string[]): Promise<void> {
    return within(RUNNER_MS, this.#desk.runnerOf(chatbotId).turnAway(userIds))
  }

  /** Hands on what calls a chatbot. Gives whether all of it was taken. */
  async #call(): Promise<boolean> {
    const { channelId, db } = this.#desk
    const left = new Set<string>()
    const chatbotIds = [...this.#chatbots]
    const since = this.#done
    for (let after = since, page = CALLS_AT_ONCE; page === CALLS_AT_ONCE; ) {
      const calls = await findCalls(db, channelId, { chatbotIds, since, after })
      const ofEach = Map.groupBy(calls, ({ chatbotId }) => chatbotId)
      await Promise.all([...ofEach].map(async ([id, its]) => (await this.#callOne(id, its)) || left.add(id)))
      page = calls.length
      // A message may call several, of which the last may have had no place here.
      after = (calls.at(-1)?.seq ?? 0) - 1
    }
    return left.size === 0
  }

  /** Hands on what calls one chatbot, in order. Gives whether its Runner took all of it. */
  async #callOne(chatbotId: string, calls: Call[]): Promise<boolean> {
    const { runnerOf, log } = this.#desk
    if (this.#pauses.isLeftAlone(chatbotId, Date.now())) return false
    try {
      for (const call of calls) await within(RUNNER_MS, runnerOf(chatbotId).answer(call))
      this.#pauses.worked(chatbotId)
      return true
    } catch (error) {
      this.#pauses.failed(chatbotId, Date.now())
      log('error', 'call_failed', { chatbot_id: chatbotId, ...describeError(error) })
      return false
    }
  }
}

/** Waits for all of them, so that none is begun anew while it goes on. @throws the first error */
async function allDone(work: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected')
  if (failed) throw (failed as PromiseRejectedResult).reason
}
