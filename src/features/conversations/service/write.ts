import { type SQL, sql } from 'drizzle-orm'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { isOwnConversation } from '../../../db/own-conversation.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { conversations } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, invalid, notFound } from '../../../http/errors.ts'
import { switchBranch } from '../../messages/service/write.ts'
import type { ConversationChanges, NewConversation } from '../schemas/conversation.ts'

/**
 * A new conversation, or the one that the same key made before, as it is now.
 * @throws AppError `idempotency_key_reused`, and `not_found` when the project is not the user's or what the key made is gone
 */
export async function createConversation(ctx: Ctx, given: NewConversation, idempotency: Idempotency | undefined) {
  const { db, user, now, newId } = ctx
  const row = { id: newId(), userId: user.id, ...toRow(ctx, given), createdAt: now, updatedAt: now }
  try {
    const { id, replayed, results } = await once(db, idempotency, row.id, now, [
      mustHold(db, 'project_there', isProject(ctx, given.project_id)),
      db.insert(conversations).values(row).returning(),
    ])
    const conversation =
      results?.[1][0] ?? (await db.select().from(conversations).where(isOwnConversation(ctx, id)).get())
    if (!conversation) throw notFound()
    return { conversation, replayed }
  } catch (error) {
    throw refusal(error) ?? error
  }
}

function toRow({ now, config }: Ctx, given: NewConversation) {
  const { title, project_id: projectId, instructions, tags } = given
  const fields = { title, titleSource: title === null ? null : ('user' as const), projectId, instructions, tags }
  if (given.temporary) {
    return { ...fields, state: 'temporary' as const, expiresAt: new Date(now.getTime() + config.TEMPORARY_TTL_MS) }
  }
  const state = given.archived ? ('archived' as const) : ('active' as const)
  return { ...fields, state, pinnedAt: given.pinned ? now : null }
}

/**
 * Changes only the fields given. None of it is using the conversation, so it keeps its place in the lists.
 * @throws AppError `not_found`, also when the project is not the user's, `conflict` for what a temporary one cannot be,
 *   `validation_failed` when the head is none of its messages
 */
export async function updateConversation(ctx: Ctx, id: string, changes: ConversationChanges) {
  const { db } = ctx
  const { head_id: headId, project_id: projectId } = changes
  const there = sql`SELECT 1 FROM conversations WHERE ${isOwnConversation(ctx, id)}`
  const hasHead = sql`EXISTS (SELECT 1 FROM messages WHERE id = ${headId} AND conversation_id = ${id})`
  try {
    const results = await db.batch([
      mustHold(db, 'conversation_there', sql`EXISTS (${there})`),
      mustHold(db, 'project_there', isProject(ctx, projectId)),
      mustHold(db, 'head_there', headId === undefined ? sql`1` : hasHead),
      mustHold(db, 'is_kept', isOrganising(changes) ? sql`EXISTS (${there} AND state <> 'temporary')` : sql`1`),
      ...(headId === undefined ? [] : [switchBranch(ctx, id, headId)]),
      db.update(conversations).set(toChange(ctx, changes)).where(isOwnConversation(ctx, id)).returning(),
    ])
    return (results.at(-1) as (typeof conversations.$inferSelect)[])[0]!
  } catch (error) {
    throw refusal(error) ?? error
  }
}

/** Whether this puts it where a temporary one cannot be. */
const isOrganising = ({ pinned, archived, tags, project_id }: ConversationChanges) =>
  pinned || archived || (tags !== undefined && tags.length > 0) || (project_id ?? null) !== null

const toChange = ({ now }: Ctx, { title, project_id, instructions, pinned, archived, tags }: ConversationChanges) => ({
  // Set in any case, as there is no update of nothing.
  headId: sql`head_id`,
  ...(title !== undefined && { title, titleSource: title === null ? null : ('user' as const) }),
  projectId: project_id,
  instructions,
  tags,
  ...(pinned !== undefined && { pinnedAt: pinned ? sql`coalesce(pinned_at, ${now.getTime()})` : null }),
  ...(archived !== undefined && {
    state: archived ? ('archived' as const) : sql`iif(state = 'archived', 'active', state)`,
  }),
})

const isProject = ({ user }: Ctx, id: string | null | undefined): SQL =>
  id ? sql`EXISTS (SELECT 1 FROM projects WHERE id = ${id} AND user_id = ${user.id})` : sql`1`

function refusal(error: unknown): AppError | undefined {
  const unmet = unmetPrecondition(error)
  if (unmet === 'conversation_there') return notFound()
  if (unmet === 'project_there') return new AppError('not_found', 'There is no such project, or it is not yours')
  if (unmet === 'head_there')
    return invalid([{ pointer: '/head_id', detail: 'This is no message of the conversation' }])
  if (unmet === 'is_kept')
    return new AppError('conflict', 'A temporary conversation is not pinned, archived, tagged, or put into a project')
  return undefined
}
