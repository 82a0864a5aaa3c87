import type { Config } from '../../env.ts'
import { describeError, type Log } from '../../http/log.ts'
import type { NewRunEvent } from '../../lib/run-events.ts'
import type { FurtherCall } from './further-call.ts'
import type { Job } from './job.ts'
import { accessOf } from './model-access.ts'
import { targetsFor } from './model-choice.ts'
import { toRunFault } from './run-fault.ts'
import type { Generation } from './tool-loop.ts'

/** What whoever owns a run has, and what it wants to hear. */
type Owner = {
  config: Config
  files: R2Bucket
  log: Log
  signal: AbortSignal
  onDelta: (kind: 'text' | 'reasoning', delta: string) => void
  onTool: (event: NewRunEvent) => void
  reserve: (need: { call: number; inputTokens: number; outputTokens: number }) => Promise<FurtherCall>
  /** RUN_MAX_MS are over. */
  onTooLong: () => void
  /** Called every CHECKPOINT_MS. */
  onCheckpoint: () => void
}

/** Asks the models of a job until there is an answer or a fault. It does not throw: a mistake of ours ends the run as well. */
export async function generateJob(job: Job, owner: Owner): Promise<Generation> {
  const { config, files, log, signal, onDelta, onTool, reserve } = owner
  const failed: Generation = { started: false, uses: [], attempts: [], fault: toRunFault('upstream_error') }
  const targets = targetsFor(job, config)
  if (targets.length === 0) return failed
  const tooLong = setTimeout(owner.onTooLong, config.RUN_MAX_MS)
  const checkpoints = setInterval(owner.onCheckpoint, config.CHECKPOINT_MS)
  const access = accessOf(files, config, log)
  try {
    // What reads answers has schemas, which a Worker starts without.
    const [{ generateWithTools }, { providerFor }] = await Promise.all([
      import('./tool-loop.ts'),
      import('../../ai/providers.ts'),
    ])
    const provider = (target: (typeof targets)[number]) => providerFor(target, config, access)
    return await generateWithTools({
      job,
      provider,
      targets,
      config,
      signal,
      onDelta,
      onTool,
      reserve,
      log,
      tellsRejections: job.tellsRejections,
    })
  } catch (error) {
    // Nothing of the upstream gets here.
    log('error', 'generation_failed', { run_id: job.run.id, ...describeError(error) })
    return failed
  } finally {
    clearTimeout(tooLong)
    clearInterval(checkpoints)
  }
}
