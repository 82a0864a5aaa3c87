import { constraintOf, isLate, isTransient } from '../../db/failures.ts'
import { inTime } from '../../db/impatience.ts'
import { describeError, type Log } from '../../http/log.ts'
import type { ChannelEvent, Command, Outcome, Refusal, SendMessage } from '../../lib/channel-commands.ts'
import { commandStatements, eventOf, type OtherCommand, type VerdictRow } from './command-batch.ts'
import { type EventRow, type HeadRow, SELECT_EVENTS } from './event-rows.ts'
import { type Refused, resultsOf, storeMessages } from './message-group.ts'

const MAX_WAITING = 1_000
const MAX_MESSAGES = 100
const MAX_OTHERS = 20
const TRIES = 3
const PAUSE_MS = 50
/** Events that one batch can make: one for each command, and one more for who hands a channel over. */
const MAX_EVENTS = 2 * MAX_MESSAGES

/** What became of a command here. */
type QueueOutcome = Outcome | ({ ok: false } & Refused)

type Waiting = { command: Command; resolve: (outcome: QueueOutcome) => void }

type Journal = {
  channelId: string
  d1: D1Database
  /** The number of the last event that is known. */
  after: () => number
  /** Whether there is one that may be replied to. */
  hasChatbots: () => boolean
  /** Takes what is new in D1, in order, and gives it as events. */
  committed: (rows: EventRow[], head: HeadRow | undefined) => Promise<ChannelEvent[]>
  /** It is not known what became of a batch: D1 may have it. */
  lost: () => void
  log: Log
}

/**
 * Commands in the order in which they came. While one batch is on its way to D1 the next gathers, so that under load many
 * are stored at once and a lone one waits for nothing.
 */
export class CommandQueue {
  readonly #journal: Journal
  #waiting: Waiting[] = []
  #isBusy = false

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** A batch is on its way to D1. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Puts a command in line. What is ok is in D1 then; it never rejects. */
  do(command: Command): Promise<QueueOutcome> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.resolve({ ok: false, code: 'unavailable', retryAfterMs: 1_000 })
    }
    return new Promise((resolve) => {
      this.#waiting.push({ command, resolve })
      if (!this.#isBusy) void this.#work()
    })
  }

  async #work(): Promise<void> {
    this.#isBusy = true
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup()
      await this.#commit(group).catch((error) => this.#fail(group, error))
    }
    this.#isBusy = false
  }

  /** Consecutive messages, or consecutive commands of other kinds. */
  #nextGroup(): Waiting[] {
    const isSend = ({ command }: Waiting) => command.type === 'message.send'
    const areSends = isSend(this.#waiting[0]!)
    const most = areSends ? MAX_MESSAGES : MAX_OTHERS
    const end = this.#waiting.findIndex((each) => isSend(each) !== areSends)
    return this.#waiting.splice(0, Math.min(most, end === -1 ? this.#waiting.length : end))
  }

  #commit(group: Waiting[]): Promise<void> {
    return group[0]!.command.type === 'message.send' ? this.#commitMessages(group) : this.#commitOthers(group)
  }

  async #commitMessages(group: Waiting[]): Promise<void> {
    const { channelId, d1, hasChatbots } = this.#journal
    const sends = group as (Waiting & { command: SendMessage })[]
    // Of equal nonces in one group the first is offered, and answers for all.
    const byNonce = Map.groupBy(sends, ({ command }) => `${command.actor} ${command.nonce}`)
    const offers = [...byNonce.values()].map(([first]) => first!.command)
    const input = JSON.stringify({ channel: channelId, now: Date.now(), offers })
    const { rows, events } = await this.#batch(storeMessages(d1, input, offers, hasChatbots()))
    const results = await resultsOf(d1, input, offers, rows)
    const eventOf = new Map(events.map((event) => [event.seq, event]))
    for (const [at, [first, ...others]] of [...byNonce.values()].entries()) {
      const result = results[at]!
      if ('code' in result) {
        for (const { resolve } of [first!, ...others]) resolve({ ok: false, ...result })
        continue
      }
      first!.resolve({ ok: true, seq: result.seq, event: eventOf.get(result.seq) ?? null, message: result })
      for (const { command, resolve } of others) {
        const isSame = command.hash === first!.command.hash
        const repeated = { ok: true, seq: result.seq, event: null, message: { ...result, duplicate: true } } as const
        resolve(isSame ? repeated : { ok: false, code: 'nonce_conflict' })
      }
    }
  }

  async #commitOthers(group: Waiting[]): Promise<void> {
    const { channelId, d1 } = this.#journal
    const now = Date.now()
    const statements = group.map(({ command }) =>
      commandStatements(d1, command as OtherCommand, JSON.stringify({ ...command, channel: channelId, now })),
    )
    const { results, rows, events } = await this.#batch(statements.flat())
    let at = 0
    for (const [nth, { command, resolve }] of group.entries()) {
      const verdict = results[at]!.results[0] as VerdictRow
      at += statements[nth]!.length
      const made = rows.find((each) => each.command_id === (command as OtherCommand).command_id) ?? doneOf(verdict)
      const event = events.find(({ seq }) => seq === made?.seq) ?? null
      resolve(outcomeOf(command as OtherCommand, verdict, made, event))
    }
  }

  /**
   * One batch, whose last statement tells how far the channel has come, and what is new in the log after it. It is sent again when
   * it is not known what became of it, or when another instance has written: all of it is idempotent.
   */
  async #batch(statements: D1PreparedStatement[]) {
    const { channelId, d1, after, committed } = this.#journal
    for (let tries = 1; ; tries++) {
      try {
        const input = JSON.stringify({ channel: channelId, after: after(), limit: MAX_EVENTS })
        const results = await inTime(d1.batch([...statements, d1.prepare(SELECT_EVENTS).bind(input)]))
        const [closed, log] = results.slice(-2)
        const rows = log!.results as EventRow[]
        const events = await committed(rows, closed!.results[0] as HeadRow | undefined)
        return { results, rows, events }
      } catch (error) {
        if (tries === TRIES || !(isTransient(error) || isFenced(error))) throw error
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** tries))
      }
    }
  }

  /** What broke one group may be the fault of one command, which must not take the others along. */
  async #fail(group: Waiting[], error: unknown): Promise<void> {
    this.#journal.log('error', 'commands_failed', { commands: group.length, ...describeError(error) })
    if (group.length > 1 && constraintOf(error) !== undefined) {
      for (const [at, one] of group.entries()) {
        const failure = await this.#commit([one]).then(
          () => undefined,
          (alone: unknown) => alone,
        )
        if (failure === undefined) continue
        // Each of the rest would wait as long.
        const refused = isLate(failure) ? group.slice(at) : [one]
        await this.#fail(refused, failure)
        if (refused.length > 1) return
      }
      return
    }
    this.#journal.lost()
    // Who came meanwhile has waited too, and would wait as long once more.
    const others = isLate(error) ? this.#waiting.splice(0) : []
    for (const { resolve } of [...group, ...others]) resolve({ ok: false, code: 'unavailable', retryAfterMs: 1_000 })
  }
}

/** A number was taken by an instance that wrote late. */
const isFenced = (error: unknown) => /^channel_(events|messages)\.channel_id/.test(constraintOf(error) ?? '')

type Made = Pick<EventRow, 'seq' | 'type' | 'message_id'>

/** The event that an earlier use of the same command id made. */
const doneOf = ({ done }: VerdictRow): Made | undefined => (done === null ? undefined : JSON.parse(done))

function outcomeOf(
  command: OtherCommand,
  { verdict, muted_until }: VerdictRow,
  made: Made | undefined,
  event: ChannelEvent | null,
): QueueOutcome {
  if (made && !isOf(command, made)) return { ok: false, code: 'nonce_conflict' }
  if (made) return { ok: true, seq: made.seq, event }
  if (verdict === 'noop') return { ok: true, seq: null, event: null }
  if (verdict === 'ok') return { ok: false, code: 'unavailable', retryAfterMs: 1_000 }
  return { ok: false, code: verdict as Refusal, ...(verdict === 'muted' && muted_until && { mutedUntil: muted_until }) }
}

/** The same nonce is the same command. */
const isOf = (command: OtherCommand, { type, message_id }: Made) =>
  type === eventOf(command) && (!('message_id' in command) || command.message_id === message_id)
