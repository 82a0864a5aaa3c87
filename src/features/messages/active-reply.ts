import type { SQL } from 'drizzle-orm'
import { unmetPrecondition } from '../../db/preconditions.ts'
import type { Ctx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import { freeConversation } from '../runs/service.ts'

/**
 * Does `work`, and once more when it fails by the precondition `no_active_reply` and that reply is dead: it is ended first.
 * @throws AppError `code` when the reply is alive, and what `work` throws
 */
export async function unlessReplying<T>(
  ctx: Ctx,
  conversationId: string | SQL,
  code: 'conversation_busy' | 'run_active',
  work: () => Promise<T>,
): Promise<T> {
  for (let isLast = false; ; isLast = true) {
    try {
      return await work()
    } catch (error) {
      if (unmetPrecondition(error) !== 'no_active_reply') throw error
      const run = await freeConversation(ctx, conversationId)
      if (!run && !isLast) continue
      const options = { extras: { run_id: run?.id }, retryAfterS: code === 'conversation_busy' ? 2 : undefined }
      throw new AppError(code, 'Wait for the reply that is being written, or cancel its run', options)
    }
  }
}
