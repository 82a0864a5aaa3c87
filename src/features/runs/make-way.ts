import type { Ctx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import { callRunner } from './call-runner.ts'
import { runnerOfConversation } from './job.ts'
import { freeConversation } from './recovery.ts'
import type { OnConflict } from './schemas/run.ts'
import { cancelRun } from './stored-run.ts'

/**
 * Resolves when no reply is being written in the conversation any more, by waiting for its end or by ending it as the
 * policy says; a dead run is ended whatever it says. Somebody else may be quicker afterwards.
 * @throws AppError `conversation_busy`, `runner_unavailable`
 */
export async function makeWay(ctx: Ctx, conversationId: string, policy: OnConflict): Promise<void> {
  const busyWith = await freeConversation(ctx, conversationId)
  if (!busyWith) return
  if (policy === 'interrupt') {
    await cancelRun(ctx, busyWith, 'superseded')
    return
  }
  if (policy === 'queue' && (await waitForTurn(ctx, conversationId))) return
  throw new AppError('conversation_busy', 'Wait for the reply that is being written, or cancel its run', {
    extras: { run_id: busyWith },
    retryAfterS: 2,
  })
}

/** False when the queue is full, when it took too long, or when the queue was lost with its Runner. */
const waitForTurn = (ctx: Ctx, conversationId: string): Promise<boolean> =>
  callRunner(ctx, runnerOfConversation(conversationId), (runner) => runner.waitForTurn()).catch(() => false)
