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

/** What is done each minute, in each database. One that fails keeps none of the others from being done. */
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

/** Does all chores that were due at `now`. It does not throw: what fails is logged, and due again in a minute. */
export async function doChores(env: Env, now: Date, waitUntil: (work: Promise<unknown>) => void): Promise<void> {
  const databases = databasesOf(env)
  const attempt = async (chore: string, run: (ctx: BaseCtx) => Promise<void>, source: D1Database = env.DB) => {
    const log = openLog({ chore })
    try {
      await run(newCtx(env, { log, now, waitUntil, source }))
    } catch (error) {
      log('error', 'chore_failed', describeError(error))
    }
  }
  for (const source of databases) for (const [chore, run] of Object.entries(CHORES)) await attempt(chore, run, source)
  const all = databases.map((source) => openDb(source))
  await attempt('sweepObjects', (ctx) => sweepObjects(ctx, all))
}
