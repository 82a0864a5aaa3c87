import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { audited, userExists } from '../../../db/audit.ts'
import { adminIsLive, sessionIsLive } from '../../../db/live-session.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { idempotencyKeys, refreshTokens, runs, sessions, storageUse, users } from '../../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../../db/sweep.ts'
import type { BaseCtx, Ctx, OwnerCtx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { endSessions, reportEnded } from '../../auth/service/sessions.ts'
import { voidMailTokens } from '../../auth/service/verification.ts'
import { leaveSomeChannels, removeChannelTraces } from '../../channels/service/closing.ts'
import { removeSomeChatbots } from '../../chatbots/service/delete.ts'
import { removeSomeConversations } from '../../conversations/service/delete.ts'
import { removeSomeFiles } from '../../files/service/delete.ts'
import { removeSomeProjects } from '../../projects/service.ts'
import { mustLeaveAnAdmin, refuseLastAdmin } from './last-admin.ts'

/** What was removed so far; `complete` when nothing was left. */
export type Removal = { complete: boolean; conversations: number; messages: number; files: number; sessions: number }

/** Rounds of one request. What is more is removed by the chore, a minute at a time. */
const ROUNDS = 10
/** For so long a session that has ended may still be believed, and make something. */
const SETTLED_MS = 60_000
const ACCOUNTS_AT_ONCE = 20

/**
 * Closes an account, one's own or as an admin anybody's, and removes what it owns (docs/accounts.md has the list). From
 * the first batch on it names nobody, nobody can sign in to it, and its names are free.
 * @throws AppError `not_found`, `last_admin`
 */
export async function deleteAccount(ctx: Ctx, id: string): Promise<Removal> {
  const { db, user, now } = ctx
  const mayReach = id === user.id ? userExists(id) : sql`(${userExists(id)} AND ${adminIsLive(user, now)})`
  const act = { action: 'user.deleted', target: { type: 'user', id } } as const
  try {
    const [, , , , ended] = await db.batch([
      // A session that is only believed to go on is not enough for what cannot be taken back.
      mustHold(db, 'session_live', sessionIsLive(sql`${user.sessionId}`, sql`${user.id}`, now)),
      mustHold(db, 'user_there', mayReach),
      mustLeaveAnAdmin(db, id),
      audited(ctx, act),
      endSessions(db, id, 'deleted', now),
      voidMailTokens(db, id),
      db
        .update(users)
        .set({
          email: null,
          // Longer than a name that somebody may choose.
          username: `deleted-${id}`,
          displayName: 'Deleted user',
          passwordHash: '',
          emailVerifiedAt: null,
          role: 'user',
          disabledAt: now,
          deletedAt: now,
          updatedAt: now,
        })
        .where(eq(users.id, id)),
    ])
    reportEnded(ctx, ended)
  } catch (error) {
    if (unmetPrecondition(error) === 'user_there') throw notFound()
    await refuseLastAdmin(ctx, error, act)
    throw error
  }
  return purge({ ...ctx, user: { id } })
}

/**
 * Removes what a closed account owns, at most so much as one request or one run of the chore should take. It does not
 * throw: what it could not remove now, such as a reply that cannot be stopped, is tried again by the chore.
 */
async function purge(ctx: OwnerCtx): Promise<Removal> {
  const sum: Removal = { complete: false, conversations: 0, messages: 0, files: 0, sessions: 0 }
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      const removed = await removeSomeConversations(ctx)
      sum.conversations += removed.conversations
      sum.messages += removed.messages
      // What else there is is looked for once, when the conversations are gone.
      if (removed.conversations > 0 || removed.messages > 0) continue
      if ((await removeSomeProjects(ctx)) > 0) continue
      // Before the chatbots, which leave as well, and the files, of which those in channels go too.
      if ((await leaveSomeChannels(ctx)) > 0) continue
      if ((await removeSomeChatbots(ctx)) > 0) continue
      const files = await removeSomeFiles(ctx)
      sum.files += files
      if (files > 0) continue
      const traces = await removeSomeTraces(ctx)
      sum.sessions += traces.sessions
      if (traces.complete) return { ...sum, complete: true }
    }
  } catch (error) {
    ctx.log('error', 'account_not_purged', { user_id: ctx.user.id, ...describeError(error) })
  }
  return sum
}

/** A bounded number of sessions with their tokens, of remembered requests, of runs without a conversation, and of places in channels. */
async function removeSomeTraces({ db, user }: OwnerCtx) {
  const some = sql`SELECT id FROM sessions WHERE user_id = ${user.id} ORDER BY id LIMIT ${SWEEP_ROWS}`
  const [tokens, ended, keys, leftRuns, ...places] = await db.batch([
    db
      .delete(refreshTokens)
      .where(sql`hash IN (SELECT hash FROM refresh_tokens WHERE session_id IN (${some}) LIMIT ${SWEEP_ROWS})`)
      .returning({ hash: refreshTokens.hash }),
    db
      .delete(sessions)
      .where(sql`id IN (${some}) AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)`)
      .returning({ id: sessions.id }),
    db
      .delete(idempotencyKeys)
      .where(sql`rowid IN (SELECT rowid FROM idempotency_keys WHERE scope = ${`user:${user.id}`} LIMIT ${SWEEP_ROWS})`)
      .returning({ key: idempotencyKeys.key }),
    db
      .delete(runs)
      .where(
        sql`id IN (SELECT id FROM runs WHERE user_id = ${user.id} AND conversation_id IS NULL AND ended_at IS NOT NULL
          LIMIT ${SWEEP_ROWS})`,
      )
      .returning({ id: runs.id }),
    ...removeChannelTraces({ db, user }),
  ])
  const most = Math.max(...[tokens, ended, keys, leftRuns, ...places].map(({ length }) => length))
  return { sessions: ended.length, complete: most < SWEEP_ROWS }
}

/** A chore: finishes the removal of accounts that had much, or that were still in use when they were closed. */
export async function finishDeletions(ctx: BaseCtx): Promise<void> {
  const { db, now, log } = ctx
  const settled = new Date(now.getTime() - SETTLED_MS)
  const closed = await db
    .select({ id: users.id })
    .from(users)
    // As it is written in the index, which holds no others.
    .where(and(sql`deleted_at IS NOT NULL AND purged_at IS NULL`, lt(users.deletedAt, settled)))
    // By lot: some that cannot be finished now must not stand in the way of the others.
    .orderBy(sql`random()`)
    .limit(ACCOUNTS_AT_ONCE)
  for (const user of closed) {
    const { complete } = await purge({ ...ctx, user })
    if (!complete) continue
    await db.batch([
      db
        .update(users)
        .set({ purgedAt: now })
        .where(and(eq(users.id, user.id), isNull(users.purgedAt))),
      db.delete(storageUse).where(eq(storageUse.userId, user.id)),
    ])
    log('info', 'account_purged', { user_id: user.id })
  }
}
