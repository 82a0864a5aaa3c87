import { and, asc, desc, eq, gt, lt, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { branchFrom } from '../../../db/message-branch.ts'
import { isOwnConversation } from '../../../db/own-conversation.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { sharedMessages, shares } from '../../../db/schema/index.ts'
import type { BaseCtx, Ctx } from '../../../http/context.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { newSecret } from '../../../lib/ids.ts'
import type { NewShare } from '../schemas/share.ts'

const LIST = 'shares'
const SHARED_LIST = 'shared'
/** Links that a user may have at once. */
const MAX_SHARES = 100
/** What is copied at the most: so many messages, and so much text, estimated in tokens; about 6 MB. */
const MAX_MESSAGES = 1_000
const MAX_TOKENS = 2_000_000

const hasNotExpired = (now: Date): SQL => sql`(shares.expires_at IS NULL OR shares.expires_at > ${now.getTime()})`

/**
 * A link to a copy of the active branch as it is now, or the one that the same key made before.
 * @throws AppError `not_found`, `conflict` for a temporary conversation and when there are too many links,
 *   `idempotency_key_reused`
 */
export async function createShare(
  ctx: Ctx,
  conversationId: string,
  { expires_in: expiresInS }: NewShare,
  idempotency: Idempotency | undefined,
) {
  const { db, user, now, newId } = ctx
  const id = newId()
  const expiresAt = expiresInS === null ? null : now.getTime() + expiresInS * 1_000
  const there = sql`SELECT 1 FROM conversations WHERE ${isOwnConversation(ctx, conversationId)}`
  try {
    const done = await once(db, idempotency, id, now, [
      mustHold(db, 'conversation_there', sql`EXISTS (${there})`),
      mustHold(db, 'is_kept', sql`EXISTS (${there} AND state <> 'temporary')`),
      mustHold(db, 'has_room', sql`(SELECT count(*) FROM shares WHERE user_id = ${user.id}) < ${MAX_SHARES}`),
      db
        .insert(shares)
        .select(sql`
          SELECT ${id}, user_id, id, ${newSecret()}, title, ${now.getTime()}, ${expiresAt} FROM conversations
          WHERE ${isOwnConversation(ctx, conversationId)}`)
        .returning(),
      copyBranch(db, id, conversationId),
    ])
    const share = done.results?.[3][0] ?? (await db.select().from(shares).where(owned(ctx, done.id)).get())
    if (!share) throw notFound()
    return { share, replayed: done.replayed }
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet === 'conversation_there') throw notFound()
    if (unmet === 'is_kept') throw new AppError('conflict', 'A temporary conversation is not shared')
    if (unmet === 'has_room') throw new AppError('conflict', `You have ${MAX_SHARES} links: revoke one first`)
    throw error
  }
}

/** Statement that copies the newest finished messages of the active branch, counted from the oldest of them. */
function copyBranch(db: Db, shareId: string, conversationId: string) {
  const end = sql`SELECT iif(m.status = 'in_progress', m.parent_id, m.id) FROM conversations c
    JOIN messages m ON m.id = c.head_id WHERE c.id = ${conversationId}`
  const branch = branchFrom(db, end, MAX_MESSAGES, MAX_TOKENS)
  return db.insert(sharedMessages).select(
    db
      .with(branch)
      .select({
        shareId: sql<string>`${shareId}`.as('share_id'),
        place: sql<number>`row_number() OVER (ORDER BY place DESC)`.as('new_place'),
        role: branch.role,
        // Files are not shared; where nothing was said, their names tell of them.
        content: sql<string>`iif(content = '', coalesce((SELECT group_concat(f.name, ', ') FROM message_files mf
          JOIN files f ON f.id = mf.file_id WHERE mf.message_id = branch.id), ''), content)`.as('content'),
        model: branch.model,
        sources: branch.sources,
        createdAt: branch.createdAt,
      })
      .from(branch),
  )
}

const owned = ({ user, now }: Ctx, id: string) => and(eq(shares.id, id), eq(shares.userId, user.id), hasNotExpired(now))

/** One page of the caller's links, newest first. @throws AppError `validation_failed` for a foreign cursor */
export async function listShares({ db, user, now }: Ctx, page: PageRequest) {
  const before = keyAfter(page, LIST, ['string'])?.[0]
  const rows = await db
    .select()
    .from(shares)
    .where(and(eq(shares.userId, user.id), before ? lt(shares.id, before) : undefined, hasNotExpired(now)))
    .orderBy(desc(shares.id))
    .limit(page.limit + 1)
  return pageOf(rows, page, LIST, (row) => [row.id])
}

/** Revokes a link: it leads nowhere from now on. @throws AppError `not_found` */
export async function deleteShare(ctx: Ctx, id: string): Promise<void> {
  const { db } = ctx
  const [, [gone]] = await db.batch([
    db.delete(sharedMessages).where(sql`share_id IN (SELECT id FROM shares WHERE ${owned(ctx, id)})`),
    db.delete(shares).where(owned(ctx, id)).returning({ id: shares.id }),
  ])
  if (!gone) throw notFound()
}

/**
 * One page of what a link shows, in the order in which it was said. Whoever has the token may read it, as long as the
 * account that made it is active.
 * @throws AppError `not_found`, also when it was revoked or has expired, `validation_failed` for a foreign cursor
 */
export async function readShared({ db, now }: BaseCtx, token: string, page: PageRequest) {
  const after = keyAfter(page, SHARED_LIST, ['number'])?.[0] ?? 0
  const opens = sql`shares.token = ${token} AND ${hasNotExpired(now)}
    AND EXISTS (SELECT 1 FROM users WHERE id = shares.user_id AND disabled_at IS NULL)`
  const [[share], rows] = await db.batch([
    db.select({ title: shares.title, createdAt: shares.createdAt }).from(shares).where(opens),
    db
      .select()
      .from(sharedMessages)
      .where(and(sql`share_id = (SELECT id FROM shares WHERE ${opens})`, gt(sharedMessages.place, after)))
      .orderBy(asc(sharedMessages.place))
      .limit(page.limit + 1),
  ])
  if (!share) throw notFound()
  return { share, page: pageOf(rows, page, SHARED_LIST, (row) => [row.place]) }
}
