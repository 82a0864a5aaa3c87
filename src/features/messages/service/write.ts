import { eq, type SQL, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { sayingTokens } from '../../../ai/context-window.ts'
import { movedTo } from '../../../db/conversation-head.ts'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { leafBelow } from '../../../db/message-branch.ts'
import { type NamedPlace, selectNamedPlace } from '../../../db/message-place.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { conversations, messageFiles, messages } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { invalid, notFound } from '../../../http/errors.ts'
import { titleOf } from '../../../lib/titles.ts'
import { estimateTokens } from '../../../lib/token-estimate.ts'
import { attach, FILES_THERE, fileNotFound, readShown } from '../../files/service/attach.ts'
import { unlessReplying } from '../active-reply.ts'
import type { Feedback } from '../schemas.ts'
import type { MessageWithRun } from '../wire.ts'
import { conversationOf, getMessage } from './read.ts'

/**
 * Stores what the user says, at the head of a conversation or after a message of it, and asks for no reply. It becomes the
 * head.
 * @throws AppError `not_found`, `file_not_found`, `conversation_busy` after a reply that is being written, `idempotency_key_reused`
 */
export async function storeMessage(
  caller: Ctx,
  place: Extract<NamedPlace, { conversationId: string }>,
  { content, files }: { content: string; files: string[] },
  idempotency: Idempotency | undefined,
) {
  const startedAt = Date.now()
  const shown = await readShown(caller, files)
  // Who has waited says it now.
  const ctx = { ...caller, now: new Date(caller.now.getTime() + Date.now() - startedAt) }
  const said = { content, tokens: sql`${sayingTokens({ content, files: shown })}`, name: shown[0]?.name }
  return unlessReplying(ctx, place.conversationId, 'conversation_busy', () =>
    insertAt(ctx, place, said, idempotency, (id) => attach(ctx.db, ctx.user.id, id, shown)),
  )
}

/**
 * Stores another wording of a message of the user's, beside it and with the same files: what was said after the old one
 * stays there. The new one becomes the head.
 * @throws AppError `not_found`, `validation_failed` for an answer, `idempotency_key_reused`
 */
export const editMessage = (ctx: Ctx, id: string, content: string, idempotency: Idempotency | undefined) => {
  const { db } = ctx
  const isOwn = mustHold(db, 'own_words', sql`(SELECT role FROM messages WHERE id = ${id}) = 'user'`)
  // What its files take, which stay: all but `estimateTokens` of its words.
  const others = sql`(SELECT tokens - (length(CAST(content AS BLOB)) + 2) / 3 - 4 FROM messages WHERE id = ${id})`
  const tokens = sql`${estimateTokens(content)} + ${others}`
  return insertAt(ctx, { besides: id }, { content, tokens }, idempotency, (newId) => [
    isOwn,
    db
      .insert(messageFiles)
      .select(sql`SELECT ${newId}, place, file_id, part FROM message_files WHERE message_id = ${id}`),
  ])
}

type Said = {
  content: string
  /** With those of its files. */
  tokens: SQL
  /** Of its first file, for a conversation that has no other words to be named by. */
  name?: string
}

/** One batch; `also` is done with the new message, in it. What the same key stored before is given again. */
async function insertAt(
  ctx: Ctx,
  place: NamedPlace,
  { content, tokens, name = '' }: Said,
  idempotency: Idempotency | undefined,
  also: (id: string) => BatchItem<'sqlite'>[],
): Promise<{ message: MessageWithRun; replayed: boolean }> {
  const { db, user, now, newId, config } = ctx
  const named = selectNamedPlace(place, user.id, now)
  const id = newId()
  const at = now.getTime()
  const isFinished = sql`NOT EXISTS (SELECT 1 FROM messages WHERE id = base_id AND status = 'in_progress')`
  try {
    const done = await once(db, idempotency, id, now, [
      mustHold(db, 'place_there', sql`EXISTS (${named})`),
      mustHold(db, 'no_active_reply', sql`EXISTS (SELECT 1 FROM (${named}) WHERE ${isFinished})`),
      db.insert(messages).select(sql`
        SELECT ${id}, named.conversation_id, named.base_id, coalesce(base.depth, 0) + 1, 'user', ${content}, 'completed',
          CAST(${tokens} AS INTEGER), NULL, ${at}, ${at}, NULL, NULL, NULL, NULL
        FROM (${named}) named LEFT JOIN messages base ON base.id = named.base_id`),
      db
        .update(conversations)
        .set(movedTo(id, now, config, titleOf(content || name)))
        .where(sql`id = (SELECT conversation_id FROM messages WHERE id = ${id})`),
      ...also(id),
    ])
    return { message: await getMessage(ctx, done.id), replayed: done.replayed }
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet === 'place_there') throw notFound()
    if (unmet === FILES_THERE) throw fileNotFound()
    if (unmet === 'own_words') {
      throw invalid([{ pointer: '/content', detail: 'Only what you said yourself can be edited' }])
    }
    throw error
  }
}

/**
 * What the user thinks of a reply; null takes it back.
 * @throws AppError `not_found`, `run_active` while it is being written, `validation_failed` for a message of the user's own
 */
export async function rateMessage(ctx: Ctx, id: string, feedback: Feedback | null): Promise<MessageWithRun> {
  const { db, user } = ctx
  const itself = (
    condition: SQL,
  ) => sql`EXISTS (SELECT 1 FROM messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.id = ${id} AND c.user_id = ${user.id} AND ${condition})`
  const rate = () =>
    db.batch([
      mustHold(db, 'message_there', itself(sql`true`)),
      mustHold(db, 'a_reply', itself(sql`m.role = 'assistant'`)),
      mustHold(db, 'no_active_reply', itself(sql`m.status <> 'in_progress'`)),
      db
        .update(messages)
        .set({ feedback: feedback?.rating ?? null, feedbackComment: feedback?.comment ?? null })
        .where(eq(messages.id, id)),
    ])
  try {
    await unlessReplying(ctx, conversationOf(user.id, id), 'run_active', rate)
    return await getMessage(ctx, id)
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet === 'message_there') throw notFound()
    if (unmet === 'a_reply') throw invalid([{ pointer: '/feedback', detail: 'Only a reply can be rated' }])
    throw error
  }
}

/**
 * Statement that makes the newest branch through message `headId` the active one of the user's conversation.
 * No row comes back when either is not there.
 */
export const switchBranch = ({ db, user }: Ctx, conversationId: string, headId: string) =>
  db
    .update(conversations)
    .set({ headId: sql`(${leafBelow(sql`${conversationId}`, sql`SELECT ${headId}`)})` })
    .where(
      sql`id = ${conversationId} AND user_id = ${user.id}
        AND EXISTS (SELECT 1 FROM messages WHERE id = ${headId} AND conversation_id = ${conversationId})`,
    )
    .returning()
