import { and, eq } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { runs } from '../../db/schema/index.ts'
import type { OwnerCtx } from '../../http/context.ts'
import { describeError } from '../../http/log.ts'
import type { NewRunEvent, RunEvent, Source } from '../../lib/run-events.ts'
import { mergeSources } from '../../lib/sources.ts'
import type { RunFeed } from './follow.ts'
import { reserveCall } from './further-call.ts'
import { generateJob } from './generate-job.ts'
import { closingEvents, createdEvent, type Job, type RunRef } from './job.ts'
import { resultOf, type Stopped } from './result.ts'
import { reportEnd } from './run-report.ts'
import { settlePromptly } from './settle.ts'

/**
 * The short way of a run that nobody can come back to: this Worker itself asks the model and passes on what comes, with
 * no object in between and nothing logged. It ends when its client leaves. What it used is settled behind the answer; should
 * the Worker be lost before, recovery ends the run.
 */
export function runDirectly(ctx: OwnerCtx, job: Job, client: AbortSignal): RunFeed {
  const { run } = job
  const pipe = eventPipe(run.id)
  const abort = new AbortController()
  let stopped: Stopped | undefined
  const stop = (reason: Stopped) => {
    stopped ??= reason
    abort.abort(new Error(reason))
  }
  // It may have left while the run was admitted, and then says so no more.
  const leave = () => stop('client_gone')
  client.addEventListener('abort', leave)
  if (client.aborted) leave()
  pipe.push([createdEvent(run)])
  ctx.waitUntil(generate(ctx, job, { pipe, signal: abort.signal, stop, whyStopped: () => stopped }))
  return {
    run,
    groups: pipe.groups(),
    stop: async () => leave(),
    keep: async () => {},
    reset: false,
    skip: 0,
    replayed: false,
  }
}

type Direct = {
  pipe: ReturnType<typeof eventPipe>
  signal: AbortSignal
  stop: (reason: Stopped) => void
  whyStopped: () => Stopped | undefined
}

async function generate(ctx: OwnerCtx, job: Job, { pipe, signal, stop, whyStopped }: Direct): Promise<void> {
  const { db, config, bucket, log, metrics } = ctx
  const { run } = job
  const made = { text: '', reasoning: '', sources: [] as Source[] }
  let firstDeltaAt: number | undefined
  const generation = await generateJob(job, {
    config,
    files: bucket,
    log,
    signal,
    onDelta: (kind, delta) => {
      firstDeltaAt ??= Date.now()
      const offset = made[kind].length
      made[kind] += delta
      pipe.push([{ type: kind === 'text' ? 'message.delta' : 'reasoning.delta', offset, delta }])
    },
    onTool: (event) => {
      if (event.type === 'tool.result') made.sources = mergeSources(made.sources, event.sources)
      pipe.push([event])
    },
    reserve: async (need) => {
      const room = await reserveCall(db, run, need)
      if (typeof room === 'string') return room
      const reserved = need.inputTokens + room.outputTokens
      run.further = [...(run.further ?? []), { input: need.inputTokens, reserved }]
      return room
    },
    onTooLong: () => stop('run_too_long'),
    onCheckpoint: () => holdLease(ctx, run).then((reason) => reason && stop(reason)),
  })
  const result = resultOf(run, generation, whyStopped(), made)
  // Nobody can ask for it again, so nobody waits for D1.
  const lastSeq = pipe.push(closingEvents(run, result, false))
  pipe.end()
  const outcome = { ...result, lastSeq, endedAt: Date.now() }
  const { persisted } = await settlePromptly(db, run, outcome, log)
  reportEnd({ log, metrics, firstDeltaAt }, run, outcome, persisted)
}

/** Says that somebody is still working on it, and hears whether somebody asked it to stop. */
async function holdLease({ db, config, log }: OwnerCtx, run: RunRef): Promise<Stopped | undefined> {
  try {
    const held = await extend(db, run, new Date(Date.now() + config.RUN_LEASE_MS))
    return held ? (held.cancelReason ?? undefined) : 'superseded'
  } catch (error) {
    log('warn', 'checkpoint_failed', { run_id: run.id, ...describeError(error) })
    return undefined
  }
}

const extend = async (db: Db, run: RunRef, leaseUntil: Date) =>
  db
    .update(runs)
    .set({ leaseUntil })
    .where(and(eq(runs.id, run.id), eq(runs.status, 'in_progress')))
    .returning({ cancelReason: runs.cancelReason })
    .get()

/** Events on their way to the one who reads them. What waits is bounded by what a run may write. */
function eventPipe(runId: string) {
  let waiting: RunEvent[] = []
  let seq = 0
  let isOver = false
  let changed = Promise.withResolvers<void>()
  const wake = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  return {
    /** Gives them their numbers; answers with the last one. */
    push(events: NewRunEvent[]): number {
      for (const event of events) {
        const last = waiting.at(-1)
        // Whoever reads slowly gets what has come since as one.
        if (last && 'delta' in last && 'delta' in event && last.type === event.type) last.delta += event.delta
        else waiting.push({ run_id: runId, seq: ++seq, ...event } as RunEvent)
      }
      wake()
      return seq
    },
    end(): void {
      isOver = true
      wake()
    },
    async *groups(): AsyncGenerator<RunEvent[]> {
      for (;;) {
        const group = waiting
        waiting = []
        if (group.length > 0) yield group
        else if (isOver) return
        else await changed.promise
      }
    },
  }
}
