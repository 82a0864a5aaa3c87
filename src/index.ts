import { app } from './app.ts'
import { forgetOldKeys } from './db/idempotency.ts'
import { removeOldAttempts, removeOldSessions } from './features/auth/housekeeping.ts'
import { removeDeletedChannels } from './features/channels/housekeeping.ts'
import { leaveWithDeletedChatbots } from './features/channels/service/closing.ts'
import { removeExpiredConversations, removeExpiredShares } from './features/conversations/housekeeping.ts'
import { readDueTexts } from './features/files/service/texts.ts'
import { sweepFiles } from './features/files/sweep.ts'
import { releaseOrphans } from './features/plans/service/quota.ts'
import { recoverLostRuns } from './features/runs/recovery.ts'
import { finishDeletions } from './features/users/service/deletion.ts'
import { newCtx } from './http/context.ts'
import { describeError, openLog } from './http/log.ts'
import { asMeant } from './http/method-override.ts'

export { Channel } from './features/channels/channel.ts'
export { Runner } from './features/runs/runner.ts'
export { Gateway } from './features/sockets/gateway.ts'

/** What the cron does each minute. One that fails keeps none of the others from being done. */
const CHORES = {
  recoverLostRuns,
  releaseOrphans,
  removeExpiredConversations,
  removeExpiredShares,
  removeDeletedChannels,
  leaveWithDeletedChatbots,
  forgetOldKeys,
  removeOldSessions,
  removeOldAttempts,
  finishDeletions,
  sweepFiles,
  readDueTexts,
}

export default {
  fetch: (request: Request, env, execution) => app.fetch(asMeant(request), env, execution),
  async scheduled(event, env, execution) {
    const now = new Date(event.scheduledTime)
    for (const [chore, run] of Object.entries(CHORES)) {
      const log = openLog({ chore })
      const waitUntil = (work: Promise<unknown>) => execution.waitUntil(work)
      await run(newCtx(env, { log, now, waitUntil })).catch((error) =>
        log('error', 'chore_failed', describeError(error)),
      )
    }
  },
} satisfies ExportedHandler<Env>
