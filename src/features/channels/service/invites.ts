import { and, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { channelInvites } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { sha256 } from '../../../lib/digests.ts'
import { newSecret } from '../../../lib/ids.ts'
import { moderated, moderates, selectView, type View } from './access.ts'
import { getChannel } from './channels.ts'
import { submit } from './submit.ts'

type StoredInvite = typeof channelInvites.$inferSelect

const ofChannel = (channelId: string, moderator: string) =>
  and(eq(channelInvites.channelId, channelId), isNull(channelInvites.revokedAt), moderates(moderator, channelId))

/**
 * An invitation, whose code is known now only. A repetition with the same key has none.
 * @throws AppError `not_found`, `banned`, `forbidden`, `direct_channel`, `idempotency_key_reused`
 */
export async function createInvite(
  ctx: Ctx,
  channelId: string,
  { expiresInS, maxUses }: { expiresInS: number | null; maxUses: number | null },
  idempotency: Idempotency | undefined,
): Promise<{ invite: StoredInvite; code: string | null; replayed: boolean }> {
  const { db, user, now, newId } = ctx
  const code = newSecret(16)
  const row = {
    id: newId(),
    channelId,
    codeHash: await sha256(code),
    createdBy: user.id,
    expiresAt: expiresInS === null ? null : new Date(now.getTime() + expiresInS * 1_000),
    maxUses,
    createdAt: now,
  }
  try {
    const { id, replayed } = await once(db, idempotency, row.id, now, [
      mustHold(db, 'moderates', moderates(user.id, channelId)),
      db.insert(channelInvites).values(row),
    ])
    if (!replayed) return { invite: { ...row, uses: 0, revokedAt: null }, code, replayed }
    const invite = await db
      .select()
      .from(channelInvites)
      .where(and(eq(channelInvites.id, id), ofChannel(channelId, user.id)))
      .get()
    if (!invite) throw notFound()
    return { invite, code: null, replayed }
  } catch (error) {
    if (unmetPrecondition(error) === 'moderates') moderated(await selectView(db, user.id, channelId))
    throw error
  }
}

/** One page of the invitations of a channel that were not taken back, newest first. @throws AppError as `createInvite` */
export async function listInvites({ db, user }: Ctx, channelId: string, page: PageRequest) {
  const list = `invites:${channelId}`
  const after = keyAfter(page, list, ['string'])
  const [view, rows] = await db.batch([
    selectView(db, user.id, channelId),
    db
      .select()
      .from(channelInvites)
      .where(and(ofChannel(channelId, user.id), after && lt(channelInvites.id, after[0])))
      .orderBy(desc(channelInvites.id))
      .limit(page.limit + 1),
  ])
  moderated(view)
  return pageOf(rows, page, list, ({ id }) => [id])
}

/** Nobody comes in by it any more. @throws AppError as `createInvite` */
export async function revokeInvite({ db, user, now }: Ctx, channelId: string, inviteId: string): Promise<void> {
  const [view, revoked] = await db.batch([
    selectView(db, user.id, channelId),
    db
      .update(channelInvites)
      .set({ revokedAt: now })
      .where(and(eq(channelInvites.id, inviteId), ofChannel(channelId, user.id)))
      .returning({ id: channelInvites.id }),
  ])
  moderated(view)
  if (revoked.length === 0) throw notFound()
}

/**
 * Joins the channel that a code invites to.
 * @throws AppError `not_found` for an unknown code, `gone` for one that is used up, expired or taken back, `banned`, `limit_reached`
 */
export async function acceptInvite(ctx: Ctx, code: string): Promise<View> {
  const invite = await ctx.db
    .select({ id: channelInvites.id, channelId: channelInvites.channelId })
    .from(channelInvites)
    .where(sql`code_hash = ${await sha256(code)}`)
    .get()
  if (!invite) throw notFound()
  const command = { type: 'member.join', actor: ctx.user.id, command_id: ctx.newId(), invite_id: invite.id } as const
  await submit(ctx, invite.channelId, command).catch((error) => {
    // Who has a code may know that there was a channel.
    throw error instanceof AppError && error.code === 'not_found' ? new AppError('gone') : error
  })
  return getChannel(ctx, invite.channelId)
}
