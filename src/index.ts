import { app } from './app.ts'
import { databasesOf } from './db/cells.ts'
import { openDb } from './db/client.ts'
import { forgetOldKeys } from './db/idempotency.ts'
import { removeOldAttempts, removeOldSessions } from './features/auth/housekeeping.ts'
import { removeDeletedChannels } from './features/channels/housekeeping.ts'
import { leaveWithDeletedChatbots } from './features/channels/service/closing.ts'
import { removeExpiredConversations, removeExpiredShares } from './features/conversations/housekeeping.ts'
import { readDueTexts } from './features/files/service/texts.ts'
import { sweepFiles, sweepObjects } from './features/files/sweep.ts'
import { releaseOrphans } from './features/plans/service/quota.ts'
import { recoverLostRuns } from './features/runs/recovery.ts'
import { finishDeletions } from './features/users/service/deletion.ts'
import { type BaseCtx, newCtx } from './http/context.ts'
import { describeError, openLog } from './http/log.ts'
import { asMeant } from './http/method-override.ts'

export { Channel } from './features/channels/channel.ts'
export { Runner } from './features/runs/runner.ts'
export { Gateway } from './features/sockets/gateway.ts'

/** What the cron does each minute, in each database. One that fails keeps none of the others from being done. */
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
    const waitUntil = (work: Promise<unknown>) => execution.waitUntil(work)
    const databases = databasesOf(env)
    const attempt = async (chore: string, run: (ctx: BaseCtx) => Promise<void>, source: D1Database = env.DB) => {
      const log = openLog({ chore })
      await run(newCtx(env, { log, now, waitUntil, source })).catch((error) =>
        log('error', 'chore_failed', describeError(error)),
      )
    }
    for (const source of databases) for (const [chore, run] of Object.entries(CHORES)) await attempt(chore, run, source)
    const all = databases.map((source) => openDb(source))
    await attempt('sweepObjects', (ctx) => sweepObjects(ctx, all))
  },
} satisfies ExportedHandler<Env>
