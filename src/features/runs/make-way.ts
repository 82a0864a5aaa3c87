import type { Ctx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import { callRunner } from './call-runner.ts'
import { type RunRef, runnerOfConversation } from './job.ts'
import { freeConversation } from './recovery.ts'
import type { OnConflict } from './schemas/run.ts'
import { cancelRun } from './stored-run.ts'

/** A request's place in the line of a conversation; `deadline` in Unix milliseconds, `servedIn` once it had its turn there. */
export type Ticket = { id: string; deadline: number; servedIn?: string }

/**
 * Resolves when no reply is being written in the conversation any more, by waiting for its end or by ending it as the
 * policy says; a dead run is ended whatever it says. Who waits gets a turn, before all others that do. Somebody who does not
 * may be quicker afterwards.
 * @throws AppError `conversation_busy`, `runner_unavailable`
 */
export async function makeWay(ctx: Ctx, conversationId: string, policy: OnConflict, ticket: Ticket): Promise<void> {
  const busyWith = await freeConversation(ctx, conversationId)
  if (policy === 'queue') {
    if (await waitForTurn(ctx, conversationId, ticket, busyWith)) {
      ticket.servedIn = conversationId
      return
    }
  } else if (!busyWith) return
  else if (policy === 'interrupt') {
    await cancelRun(ctx, busyWith.id, 'superseded')
    return
  }
  throw new AppError('conversation_busy', 'Wait for the reply that is being written, or cancel its run', {
    extras: { run_id: busyWith?.id },
    retryAfterS: 2,
  })
}

/** False when the queue is full, when it took too long, or when the queue was lost with its Runner. */
const waitForTurn = (ctx: Ctx, conversationId: string, { id, deadline, servedIn }: Ticket, behind?: RunRef) =>
  callRunner(ctx, runnerOfConversation(conversationId), (runner) =>
    runner.waitForTurn(id, behind, servedIn !== undefined, Math.max(0, deadline - Date.now())),
  ).catch(() => false)

/** Lets the next one have the turn that nothing came of. */
export function giveBackTurn(ctx: Ctx, { id, servedIn }: Ticket): void {
  if (servedIn === undefined) return
  const work = callRunner(ctx, runnerOfConversation(servedIn), (runner) => runner.giveBackTurn(id))
  ctx.waitUntil(work.catch(() => {}))
}
