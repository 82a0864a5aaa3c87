import { DurableObject } from 'cloudflare:workers'
import { databaseOfObject } from '../../db/cells.ts'
import { openDb } from '../../db/client.ts'
import { type Config, configOf } from '../../env.ts'
import { describeError, type Log, openLog } from '../../http/log.ts'
import { type Metrics, metricsOf } from '../../http/metrics.ts'
import type { Call } from '../../lib/channel-commands.ts'
import { newId, newSecret } from '../../lib/ids.ts'
import type { CancelReason, NewRunEvent } from '../../lib/run-events.ts'
import { cleanTitle } from '../../lib/titles.ts'
import { Answers } from './answers.ts'
import { EventLog } from './event-log.ts'
import { type FurtherCall, reserveCall } from './further-call.ts'
import { generateJob } from './generate-job.ts'
import { closingEvents, createdEvent, type Ending, type Job, type Outcome, type Result, type RunRef } from './job.ts'
import { LateSettlement } from './late-settlement.ts'
import { LiveRun } from './live-run.ts'
import { START_GRACE_MS } from './recovery.ts'
import { lostResultOf, resultOf, type Stopped } from './result.ts'
import { toRunFault } from './run-fault.ts'
import { reportEnd } from './run-report.ts'
import { checkpoint, setLastSeq, settlePromptly } from './settle.ts'
import { admitTitle, readTitle, storeTitle, type Untitled } from './title.ts'
import { TurnQueue } from './turn-queue.ts'
import { watchStream } from './watch-stream.ts'

/**
 * What a watcher gets: events after a number, as lines of JSON, then those to come; or that nothing follows any more,
 * that the number is above all there are, or that this Runner has no log of the run.
 */
export type Watch = { kind: 'stream'; stream: ReadableStream<Uint8Array> } | { kind: 'end' | 'ahead' | 'unknown' }

/** Until what is to be begun or told in a channel is looked at, at the least: that is a second thought. */
const ANSWER_PAUSE_MS = 3_000
/** How long the one whose turn it is has to begin a run. */
const TURN_MS = 2_000

/**
 * Owns the runs of one conversation, of one chatbot in a channel, or of one shard of those of an API key or a user: it alone talks to
 * the upstream, numbers the events, keeps them for resuming, and ends every run exactly once. HTTP connections only watch
 * (docs/runs.md).
 */
export class Runner extends DurableObject<Env> {
  readonly #config: Config
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #runs: EventLog
  /** Another one after every restart: what an earlier process was working on is lost. */
  readonly #epoch = newSecret(8)
  readonly #live = new Map<string, LiveRun>()
  readonly #turns: TurnQueue
  readonly #late: LateSettlement
  /** Only of a chatbot in a channel. */
  readonly #answers: Answers | undefined
  #recovered: Promise<void> | undefined

  constructor(state: DurableObjectState, env: Env) {
    super(state, env)
    this.#config = configOf(env)
    this.#log = openLog({ runner: state.id.name! })
    this.#metrics = metricsOf(env)
    this.#runs = new EventLog(state.storage.sql)
    this.#turns = new TurnQueue({ most: this.#config.RUN_QUEUE_MAX, turnMs: TURN_MS })
    this.#late = new LateSettlement(openDb(this.#d1), this.#runs, this.#log)
    if (!state.id.name!.startsWith('m:')) return
    this.#answers = new Answers({
      sql: state.storage.sql,
      db: openDb(this.#d1),
      config: this.#config,
      channels: env.CHANNEL,
      log: this.#log,
      begin: (job) => void this.#begin(job),
      endLost: (run) => this.#endLost(run, INTERRUPTED),
      textOf: (runId) => this.#runs.generated(runId).text,
    })
  }

  get #d1(): D1Database {
    return databaseOfObject(this.env, this.ctx.id.name!)
  }

  /** Begins a run and lets the caller watch it from the start. A repeated call only watches. */
  async start(job: Job): Promise<Watch> {
    await this.#recover()
    const live = this.#begin(job)
    if (live) {
      this.#turns.begun()
      if (job.naming) {
        const failed = (error: unknown) =>
          this.#log('error', 'title_failed', { run_id: job.run.id, ...describeError(error) })
        this.ctx.waitUntil(this.#entitle(live, job.naming).catch(failed))
      }
    }
    return this.watch(job.run.id, 0, job.run.userId)
  }

  /** Has the chatbot answer a call when its turn comes. Once it resolves that happens, whatever else does; asked again it is one call. */
  async answer(call: Call): Promise<void> {
    await this.#recover()
    this.#answers!.take(call)
    await this.#arm()
    this.ctx.waitUntil(this.#answers!.work())
  }

  /** The chatbot may not answer in the channel any more: resolves when it does not. */
  async dismiss(): Promise<void> {
    await this.#recover()
    // What waits finds that it may not.
    await this.#answers?.begun()
    for (const live of this.#live.values()) this.#stop(live, 'deleted')
    await Promise.all([...this.#live.values()].map(({ ended }) => ended))
  }

  /** Who is no member of the channel any more follows nothing that is written here: their streams are cut when it resolves. */
  async turnAway(userIds: string[]): Promise<void> {
    for (const live of this.#live.values()) live.turnAway(userIds)
  }

  /** Events after number `after`, for the user `by`: those logged, then live ones. */
  async watch(runId: string, after: number, by: string): Promise<Watch> {
    await this.#recover()
    const live = this.#live.get(runId)
    const lastSeq = live?.visibleSeq ?? this.#runs.lastSeq(runId)
    if (!live && lastSeq === 0) return { kind: 'unknown' }
    if (after > lastSeq) return { kind: 'ahead' }
    if (after === lastSeq && this.#runs.isClosed(runId)) return { kind: 'end' }
    // Where its going ends the run, a watcher that has gone is to be noticed soon.
    const probeMs = Math.min((live?.job.desertedMs ?? Number.POSITIVE_INFINITY) / 2, this.#config.HEARTBEAT_MS)
    return { kind: 'stream', stream: watchStream({ log: this.#runs, runId, after, probeMs, live, by }) }
  }

  /** Stops a run and resolves when it has ended. One that ended before is left as it is. */
  async cancel(run: RunRef, reason: CancelReason): Promise<void> {
    await this.#recover()
    const live = this.#live.get(run.id)
    if (!live) return this.#endLost(run, { status: 'cancelled', cancelReason: reason })
    this.#stop(live, reason)
    await live.ended
  }

  /** Ends a run whose client was told that it could not be started, though it may have been: it is free. */
  async abandon(run: RunRef): Promise<void> {
    await this.#recover()
    const live = this.#live.get(run.id)
    if (!live) return this.#endLost(run, { status: 'failed', error: toRunFault('runner_unavailable') })
    this.#stop(live, 'runner_unavailable')
    await live.ended
  }

  /**
   * True when it is the turn of the caller, who has this ticket, to begin a reply, after the run `behind` if there is one; false
   * when too many wait, or after `waitMs`. Who `wasServed` before and found somebody quicker goes first.
   */
  async waitForTurn(ticket: string, behind: RunRef | undefined, wasServed: boolean, waitMs: number): Promise<boolean> {
    await this.#recover()
    const isOnItsWay = behind !== undefined && this.#runs.state(behind.id) === undefined
    if (isOnItsWay) this.#expect(behind)
    return this.#turns.wait(ticket, !this.#isReplying && !isOnItsWay, wasServed, waitMs)
  }

  /** Whoever has this ticket begins no reply: the next one may. */
  giveBackTurn(ticket: string): void {
    this.#turns.giveBack(ticket)
  }

  /**
   * Has TITLE_MODEL name a conversation and gives the title that was stored: by itself (`isAsked` false) never over the user's
   * own. `undefined` when there is no such model, no room in the quota, or no answer.
   */
  async writeTitle(untitled: Untitled, isAsked: boolean): Promise<string | undefined> {
    await this.#recover()
    const model = this.#config.MODELS.find(({ id }) => id === this.#config.TITLE_MODEL)
    if (!model) return undefined
    const db = openDb(this.#d1)
    const job = await admitTitle(db, model, untitled, this.#config.RUN_LEASE_MS)
    // Somebody may have ended it by now.
    if (!job || !this.#runs.begin(job.run, this.#epoch)) return undefined
    const live = this.#open(job)
    const tooLong = setTimeout(() => this.#stop(live, 'superseded'), this.#config.TITLE_MS)
    await this.#orGiveWay(job.run.id, this.#execute(live)).finally(() => clearTimeout(tooLong))
    const title = live.endedAs === 'completed' ? cleanTitle(live.text) : ''
    return title === '' ? undefined : storeTitle(db, untitled, title, isAsked)
  }

  /** The run goes on even if its last watcher leaves: its answer told the client to come back. */
  keep(runId: string): void {
    const live = this.#live.get(runId)
    if (live) live.job.desertedMs = undefined
  }

  /** The text of a run that is going on here; `undefined` when none is. */
  async text(runId: string): Promise<string | undefined> {
    await this.#recover()
    return this.#live.get(runId)?.text
  }

  /** Ends the run as interrupted unless it is going on here, or may still be on its way. Gives whether it is alive. */
  async recover(run: RunRef, isOnItsWay: boolean): Promise<boolean> {
    await this.#recover()
    if (this.#live.has(run.id)) return true
    if (isOnItsWay && this.#runs.state(run.id) === undefined) return true
    await this.#endLost(run, INTERRUPTED)
    return false
  }

  override async alarm(): Promise<void> {
    try {
      await this.#recover()
      await this.#late.settle(this.#isLive)
      for (const live of this.#live.values()) {
        live.cutStalled(this.#config.WATCHER_STALL_MS)
        await this.#checkpoint(live)
      }
      await this.#answers?.work()
    } catch (error) {
      this.#log('error', 'alarm_failed', describeError(error))
    } finally {
      await this.#arm()
    }
  }

  /** Starts to generate; `undefined` when the run is known already. */
  #begin(job: Job): LiveRun | undefined {
    if (!this.#runs.begin(job.run, this.#epoch)) return undefined
    const live = this.#open(job)
    this.ctx.waitUntil(this.#orGiveWay(job.run.id, this.#execute(live)))
    return live
  }

  #open(job: Job): LiveRun {
    const live: LiveRun = new LiveRun(job, {
      flushMs: this.#config.RUN_FLUSH_MS,
      flushBytes: this.#config.RUN_FLUSH_BYTES,
      append: (events) => this.#append(job.run.id, events),
      onDeserted: () => this.#stop(live, 'client_gone'),
    })
    this.#live.set(job.run.id, live)
    live.visibleSeq = this.#runs.lastSeq(job.run.id)
    if (live.visibleSeq === 0) live.emit([createdEvent(job.run)])
    return live
  }

  /** A number that a client has seen must survive a kill, so it is shown only when it is on disk. */
  #append(runId: string, events: NewRunEvent[]): Promise<number> {
    const write = async () => {
      const seq = this.#runs.append(runId, events)
      await this.ctx.storage.sync()
      return seq
    }
    return this.#orGiveWay(runId, write())
  }

  /** An object that cannot keep its books keeps no promise. A fresh one finds what there is, and ends the run. */
  #orGiveWay<T>(runId: string, work: Promise<T>): Promise<T> {
    return work.catch((error) => {
      this.#log('error', 'runner_failed', { run_id: runId, ...describeError(error) })
      this.ctx.abort('The books of a run cannot be kept')
      throw error
    })
  }

  async #execute(live: LiveRun): Promise<void> {
    const { job } = live
    await this.#arm()
    const generation = await generateJob(job, {
      config: this.#config,
      files: this.env.FILES,
      log: this.#log,
      signal: live.abort.signal,
      onDelta: (kind, delta) => live.delta(kind, delta),
      onTool: (event) => live.tell(event),
      reserve: (need) => this.#reserve(live, need),
      onTooLong: () => this.#stop(live, 'run_too_long'),
      onCheckpoint: () => this.#checkpoint(live),
    })
    live.flush()
    await this.#finish(live, resultOf(job.run, generation, live.stopped, live))
  }

  /** Ends a run that is said to be on its way here and does not come: those who wait for its end would wait in vain. */
  #expect(run: RunRef): void {
    const end = async () => {
      await new Promise((resolve) => setTimeout(resolve, START_GRACE_MS))
      if (this.#runs.state(run.id) === undefined) await this.#endLost(run, INTERRUPTED)
    }
    this.ctx.waitUntil(end())
  }

  /** What is held for a run is on disk here before it is used: after a crash it says what may be charged. */
  async #reserve(live: LiveRun, need: Parameters<typeof reserveCall>[2]): Promise<FurtherCall> {
    const { run } = live.job
    const room = await reserveCall(openDb(this.#d1), run, need)
    if (room === 'ended') this.#stop(live, 'superseded')
    if (typeof room === 'string') return room
    const reserved = need.inputTokens + room.outputTokens
    run.further = [...(run.further ?? []), { input: need.inputTokens, reserved }]
    this.#runs.update(run)
    return room
  }

  readonly #isLive = (runId: string): boolean => this.#live.has(runId)

  get #isReplying(): boolean {
    return [...this.#live.values()].some(({ job }) => job.run.kind === 'reply')
  }

  /** Tells the watchers what the conversation is called: as its text says, unless a model has a better name for it. */
  async #entitle(live: LiveRun, naming: NonNullable<Job['naming']>): Promise<void> {
    const { userId, conversationId } = live.job.run
    const named = { userId, conversationId: conversationId! }
    let title: string | undefined = naming.title
    if (this.#config.TITLE_MODEL) {
      const written = await this.writeTitle({ ...named, runId: newId(), content: naming.words }, false)
      // Its user may have named it meanwhile.
      title = written ?? (await readTitle(openDb(this.#d1), named))
    }
    if (title !== undefined && !live.isClosing) live.emit([{ type: 'title', title }])
  }

  /** The outcome is stored here first: whatever happens from now on, it is the one. */
  async #finish(live: LiveRun, result: Result): Promise<void> {
    const { run } = live.job
    // The number of the terminal event is fixed from here on.
    live.isClosing = true
    const lastSeq = this.#runs.lastSeq(run.id) + closingEvents(run, result, true).length
    const outcome: Outcome = { ...result, lastSeq, endedAt: Date.now() }
    this.#runs.markEnded(run.id, outcome)
    this.#answers?.ended(run, outcome.ending)
    await this.#conclude(live, outcome)
  }

  /** Tells D1, and only then the watchers. The terminal event and the mark are one write: neither comes alone. */
  async #conclude(live: LiveRun, outcome: Outcome): Promise<void> {
    const { run } = live.job
    live.isClosing = true
    live.endedAs = outcome.ending.status
    try {
      const { persisted, stored } = await settlePromptly(openDb(this.#d1), run, outcome, this.#log)
      if (!this.#runs.isClosed(run.id)) live.emit(closingEvents(run, stored ?? outcome, persisted))
      if (persisted) this.#runs.markSettled(run.id)
      await live.written()
      if (stored) await this.#renumber(run)
      const report = { log: this.#log, metrics: this.#metrics, firstDeltaAt: live.firstDeltaAt }
      reportEnd(report, run, { ...outcome, ...stored }, persisted)
    } finally {
      this.#live.delete(run.id)
      live.end()
      if (run.kind === 'reply' && !this.#isReplying) this.#turns.next()
      await this.#arm()
      if (this.#answers) this.ctx.waitUntil(this.#answers.work())
    }
  }

  /** Somebody else ended the run in D1, and guessed the number that its terminal event has here. */
  async #renumber(run: RunRef): Promise<void> {
    await setLastSeq(openDb(this.#d1), run, this.#runs.lastSeq(run.id)).catch((error) =>
      this.#log('error', 'renumbering_failed', { run_id: run.id, ...describeError(error) }),
    )
  }

  /** Ends what an earlier process left behind: once, and before anything else. */
  #recover(): Promise<void> {
    this.#recovered ??= Promise.all(
      this.#runs.takeOver(this.#epoch).map(({ ref }) => this.#endLost(ref, INTERRUPTED)),
    ).then(() => {})
    return this.#recovered
  }

  /**
   * Ends a run that nobody is generating: its Worker never came here, or the process that had it is gone. What was
   * decided before stays decided.
   */
  async #endLost(run: RunRef, ending: Ending): Promise<void> {
    this.#runs.begin(run, this.#epoch)
    if (this.#live.has(run.id)) return this.#live.get(run.id)!.ended
    if (this.#runs.state(run.id) === 'settled') return
    const live = this.#open({ run, messages: [], searches: false, maxOutputTokens: 0 })
    await this.#orGiveWay(run.id, this.#finishLost(live, ending))
  }

  async #finishLost(live: LiveRun, ending: Ending): Promise<void> {
    const { run } = live.job
    const written = this.#runs.generated(run.id)
    live.text = written.text
    live.sources = written.sources
    const decided = this.#runs.outcome(run.id)
    if (decided) return this.#conclude(live, decided)
    await this.#finish(live, lostResultOf(run, ending, written, this.#config.MODELS))
  }

  #stop(live: LiveRun, reason: Stopped): void {
    live.stopped ??= reason
    live.abort.abort(new Error(reason))
  }

  async #checkpoint(live: LiveRun): Promise<void> {
    const leaseUntil = new Date(Date.now() + this.#config.RUN_LEASE_MS)
    try {
      const isOurs = await checkpoint(openDb(this.#d1), live.job.run, live.text, leaseUntil)
      // It was ended in D1 without us; nobody would pay for what comes.
      if (!isOurs && !live.isOver) this.#stop(live, 'superseded')
    } catch (error) {
      this.#log('warn', 'checkpoint_failed', { run_id: live.job.run.id, ...describeError(error) })
    }
  }

  /** One alarm serves everything: live runs, settlements that failed, and logs to be forgotten. */
  async #arm(): Promise<void> {
    const now = Date.now()
    const next = this.#runs.forget(now, this.#config.RUN_LOG_TTL_MS)
    const answerAt = this.#answers?.dueAt
    const latePauseMs = this.#late.pauseMs(this.#isLive)
    const times = [
      this.#live.size > 0 ? now + this.#config.ALARM_MS : undefined,
      latePauseMs === undefined ? undefined : now + latePauseMs,
      answerAt === undefined ? undefined : Math.max(answerAt, now + ANSWER_PAUSE_MS),
      next,
    ].filter((time) => time !== undefined)
    if (times.length > 0) await this.ctx.storage.setAlarm(Math.min(...times))
  }
}

const INTERRUPTED: Ending = { status: 'interrupted', error: toRunFault('run_interrupted') }
