import type { Db } from '../../db/client.ts'
import type { Config } from '../../env.ts'
import { describeError, type Log } from '../../http/log.ts'
import { type Call, type Command, callKey, type Outcome, type Refusal } from '../../lib/channel-commands.ts'
import { codePoints, composed, MAX_MESSAGE } from '../../lib/channel-text.ts'
import { within } from '../../lib/deadline.ts'
import { newId } from '../../lib/ids.ts'
import { sendCommand } from '../../lib/send-command.ts'
import { admitAnswer, passes, refusalOf } from './answer-run.ts'
import { CallBook, type Entry } from './call-book.ts'
import type { Ending, Job, RunRef } from './job.ts'
import { toRunRef } from './recovery.ts'
import { toEnding } from './settle.ts'
import type { StoredRun } from './wire/run.ts'

/** A `typing` is shown for five seconds. */
const TYPING_MS = 4_000
/** A Channel that does not answer in this time could not be reached. */
const SUBMIT_MS = 10_000
/** What could not be begun for so long, since its turn came, will not be. */
const GIVE_UP_MS = 300_000

/** What the Runner does for it. */
type Office = {
  sql: SqlStorage
  db: Db
  config: Config
  channels: Env['CHANNEL']
  log: Log
  begin: (job: Job) => void
  /** Ends a run that nobody is working on. */
  endLost: (run: RunRef) => Promise<void>
  textOf: (runId: string) => string
}

/**
 * What a chatbot says in a channel: one answer at a time to whoever called it, each written by a run. Every call ends in one message, or
 * in one event that says why there is none. All of it is in the Runner's SQLite, and what is not done yet is tried again by its alarm.
 */
export class Answers {
  readonly #office: Office
  readonly #book: CallBook
  #isRunning = false
  #running = Promise.resolve()
  #beginning = Promise.resolve()
  #typing: ReturnType<typeof setInterval> | undefined

  constructor(office: Office) {
    this.#office = office
    this.#book = new CallBook(office.sql)
  }

  /** When something is to be begun, or to be told, in milliseconds; `undefined` when nothing is. */
  get dueAt(): number | undefined {
    return this.#book.dueAt()
  }

  /** Takes a call, once. */
  take(call: Call): void {
    const now = Date.now()
    this.#book.forget(now - this.#office.config.IDEMPOTENCY_TTL_MS)
    this.#book.add(call, now)
  }

  /** A run has ended. It is written in the same turn as its outcome: neither comes alone. */
  ended(run: RunRef, ending: Ending): void {
    clearInterval(this.#typing)
    this.#book.ended(run, codeOf(ending))
  }

  /** Begins and tells what there is to begin and to tell. It never rejects. */
  work(): Promise<void> {
    // One that is running looks for what is new before it ends, and ends in the same turn.
    if (!this.#isRunning) this.#running = this.#work()
    return this.#running
  }

  /** Resolves when what is being begun has begun, or is not begun. */
  begun(): Promise<void> {
    return this.#beginning.catch(() => {})
  }

  async #work(): Promise<void> {
    this.#isRunning = true
    try {
      for (let entry = this.#next(); entry; entry = this.#next()) await this.#do(entry)
    } catch (error) {
      this.#office.log('error', 'answers_failed', describeError(error))
    } finally {
      this.#isRunning = false
    }
  }

  #next(): Entry | undefined {
    return this.#book.next(Date.now())
  }

  async #do(entry: Entry): Promise<void> {
    try {
      if (entry.state === 'over') return await this.#tell(entry)
      this.#beginning = this.#begin(entry)
      await this.#beginning
    } catch (error) {
      this.#postpone(entry, error)
    }
  }

  /** What is to be told is tried as long as there is a text; what is to be begun, for a few minutes. */
  #postpone(entry: Entry, error: unknown): void {
    const { log, config } = this.#office
    const { call, state, triedAt, tries } = entry
    const now = Date.now()
    const about = { trigger_key: callKey(call), state, tries, ...describeError(error) }
    const mostMs = state === 'over' ? config.IDEMPOTENCY_TTL_MS : GIVE_UP_MS
    const isHopeless = triedAt !== null && now - triedAt > mostMs
    log(isHopeless ? 'error' : 'warn', isHopeless ? 'answer_given_up' : 'answer_postponed', about)
    if (!isHopeless) this.#book.postpone(entry, now)
    else if (state === 'over') this.#book.told(entry)
    else this.#book.finish(entry, null, refusalOf(error) ?? 'internal')
  }

  async #begin(entry: Entry): Promise<void> {
    try {
      const admitted = await admitAnswer(this.#office, entry.call)
      if ('there' in admitted) return await this.#resume(entry, admitted.there)
      const { job } = admitted
      this.#book.run(entry, job.run.id)
      this.#office.begin(job)
      this.#showTyping(entry.call, job.run.id)
    } catch (error) {
      const code = refusalOf(error)
      if (code === undefined || passes(code)) throw error
      this.#book.finish(entry, null, code)
    }
  }

  /** Its run was written, and the process killed before this was; if it never began, it does not any more. */
  async #resume(entry: Entry, run: StoredRun): Promise<void> {
    if (run.status !== 'in_progress') return this.#book.finish(entry, run.id, codeOf(toEnding(run)))
    await this.#office.endLost(toRunRef(run))
    // Its end is in the book now, unless it had ended and D1 did not tell so yet.
    this.#book.postpone(entry, Date.now())
  }

  #showTyping({ channelId, chatbotId, threadId }: Call, runId: string): void {
    const data = { user_id: chatbotId, thread_id: threadId, run_id: runId }
    const frame = JSON.stringify({ type: 'typing', ch: channelId, data })
    // To the sockets of all shards.
    const show = () =>
      this.#channel(channelId)
        .signal(-1, frame, 'typing', chatbotId)
        .catch(() => {})
    clearInterval(this.#typing)
    this.#typing = setInterval(show, TYPING_MS)
    void show()
  }

  async #tell(entry: Entry): Promise<void> {
    const { call, runId } = entry
    const code = entry.code ?? (await this.#say(call, runId!))
    if (code !== undefined) {
      // Before it is told: what the channel would take the next time is not said then.
      this.#book.refused(entry, code)
      const about = { message_id: call.messageId, run_id: runId, code }
      const command_id = `failed ${callKey(call)}`
      await this.#submit(call, { type: 'chatbot.failed', actor: call.chatbotId, command_id, ...about })
    }
    this.#book.told(entry)
  }

  /** Posts the answer, once. Gives why it cannot be posted, if that is so. */
  async #say({ chatbotId, threadId, ...call }: Call, runId: string): Promise<string | undefined> {
    const content = this.#cut(this.#office.textOf(runId), runId)
    if (content === '') return 'upstream_garbled'
    const said = { actor: chatbotId, id: newId(), nonce: `run:${runId}`, content, threadId, attachments: [] }
    const outcome = await this.#submit(call, await sendCommand(said))
    return outcome.ok ? undefined : (UNSAID[outcome.code] ?? 'internal')
  }

  #cut(text: string, runId: string): string {
    const content = composed(text.toWellFormed()).trim()
    if (codePoints(content) <= MAX_MESSAGE) return content
    const link = `…\n${this.#office.config.APP_URL ?? ''}/api/v1/runs/${runId}/events`
    return `${[...content].slice(0, MAX_MESSAGE - codePoints(link)).join('')}${link}`
  }

  /** Has the channel do it, or say why not. @throws when it cannot be done now */
  async #submit({ channelId }: Pick<Call, 'channelId'>, command: Command): Promise<Outcome> {
    // One that hangs would hold up all others; whatever came of it is known by its nonce, or its id.
    const [outcome] = await within(SUBMIT_MS, this.#channel(channelId).submit([command]) as Promise<Outcome[]>)
    const isTemporary = outcome!.ok === false && /^(unavailable|rate_limit_exceeded)$/.test(outcome!.code)
    if (isTemporary) throw new Error(`The channel is ${(outcome as { code: string }).code}`)
    return outcome as Outcome
  }

  #channel(channelId: string) {
    return this.#office.channels.getByName(channelId)
  }
}

/** Why there is no answer, by how its run ended; null when there is one. */
function codeOf(ending: Ending): string | null {
  if ('error' in ending) return ending.error.code
  return ending.status === 'cancelled' ? 'run_cancelled' : null
}

/** Why an answer is not said, by why the channel did not take it. */
const UNSAID: Partial<Record<Refusal, string>> = {
  not_found: 'forbidden',
  forbidden: 'forbidden',
  banned: 'forbidden',
  muted: 'forbidden',
  thread_not_found: 'gone',
}
