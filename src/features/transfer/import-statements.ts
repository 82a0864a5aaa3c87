import { and, eq, sql } from 'drizzle-orm'
import { mustHold } from '../../db/preconditions.ts'
import { conversations, messages, projects } from '../../db/schema/index.ts'
import type { Ctx } from '../../http/context.ts'

// Statements of an import. `rows` is a JSON array: one parameter for any number of rows. What is there is left alone.

export const insertProjects = ({ db, user }: Ctx, rows: string) =>
  db
    .insert(projects)
    .select(sql`
      SELECT value->>'id', ${user.id}, value->>'name', value->>'description', value->>'color', value->>'instructions',
        value->>'model', value->>'createdAt', value->>'updatedAt'
      FROM json_each(${rows}) WHERE EXISTS (SELECT 1 FROM users WHERE id = ${user.id} AND deleted_at IS NULL)`)
    .onConflictDoNothing()
    .returning({ id: projects.id })

export const insertConversations = ({ db, user }: Ctx, rows: string) =>
  db
    .insert(conversations)
    .select(sql`
      SELECT value->>'id', ${user.id}, value->>'title', NULL, value->>'createdAt', value->>'updatedAt',
        (SELECT id FROM projects WHERE id = value->>'projectId' AND user_id = ${user.id}),
        value->>'titleSource', value->>'instructions', value->>'state', value->>'pinnedAt', NULL, value->'tags'
      FROM json_each(${rows}) WHERE EXISTS (SELECT 1 FROM users WHERE id = ${user.id} AND deleted_at IS NULL)`)
    .onConflictDoNothing()
    .returning({ id: conversations.id })

/** What was said before must come before what was said after it. */
export const insertMessages = ({ db, user }: Ctx, rows: string) =>
  db
    .insert(messages)
    .select(sql`
      SELECT value->>'id', value->>'conversationId', value->>'parentId', value->>'depth', value->>'role', value->>'content',
        value->>'status', value->>'tokens', NULL, value->>'createdAt', value->>'updatedAt', value->>'model',
        nullif(value->'sources', 'null'), value->>'feedback', value->>'feedbackComment'
      FROM json_each(${rows})
      WHERE EXISTS (SELECT 1 FROM conversations WHERE id = value->>'conversationId' AND user_id = ${user.id})`)
    .onConflictDoNothing()
    .returning({ id: messages.id })

/** Undoes the batch unless each of these messages is one deeper than what it follows. */
export const depthsMustBeRight = ({ db }: Ctx, rows: string) =>
  mustHold(
    db,
    'depths_right',
    sql`NOT EXISTS (
      SELECT 1 FROM json_each(${rows}) JOIN messages m ON m.id = value->>'id' JOIN messages p ON p.id = m.parent_id
      WHERE m.depth <> p.depth + 1)`,
  )

/** Makes a branch the active one where there is none yet; of a conversation that is told twice, the one that is told first. */
export const setHeads = ({ db, user }: Ctx, rows: string) =>
  db
    .update(conversations)
    .set({
      headId: sql`(SELECT m.id FROM json_each(${rows}) told JOIN messages m ON m.id = value->>'headId'
        AND m.conversation_id = conversations.id WHERE value->>'id' = conversations.id ORDER BY told.key LIMIT 1)`,
    })
    .where(
      sql`id IN (SELECT value->>'id' FROM json_each(${rows}) WHERE value->>'headId' IS NOT NULL)
        AND user_id = ${user.id} AND head_id IS NULL`,
    )

/** Those of these messages that are the user's own: where they are, and how deep. */
export async function ownMessages({ db, user }: Ctx, ids: string[]) {
  const own = and(eq(conversations.id, messages.conversationId), eq(conversations.userId, user.id))
  const found = await Promise.all(
    ids.map((some) =>
      db
        .select({ id: messages.id, conversationId: messages.conversationId, depth: messages.depth })
        .from(messages)
        .innerJoin(conversations, own)
        .where(sql`${messages.id} IN (SELECT value FROM json_each(${some}))`),
    ),
  )
  return found.flat()
}

/** Which of these projects and conversations are the user's own. */
export async function ownAmong(
  { db, user }: Ctx,
  ofProjects: string[],
  ofConversations: string[],
): Promise<Set<string>> {
  const found = await Promise.all([
    ...ofProjects.map((some) =>
      db
        .select({ id: projects.id })
        .from(projects)
        .where(sql`${among(some)} AND user_id = ${user.id}`),
    ),
    ...ofConversations.map((some) =>
      db
        .select({ id: conversations.id })
        .from(conversations)
        .where(sql`${among(some)} AND user_id = ${user.id}`),
    ),
  ])
  return new Set(found.flat().map(({ id }) => id))
}

const among = (ids: string) => sql`id IN (SELECT value FROM json_each(${ids}))`
