import type { BatchItem } from 'drizzle-orm/batch'
import { jsonParameters } from '../../db/json-parameters.ts'
import { unmetPrecondition } from '../../db/preconditions.ts'
import type { Ctx } from '../../http/context.ts'
import { estimateTokens } from '../../lib/token-estimate.ts'
import { type Group, idsFor } from './import-ids.ts'
import * as statements from './import-statements.ts'
import type { Kind } from './incoming.ts'

/** Statements of messages in one batch: each has up to a megabyte, which takes seconds to index where each letter is a word. */
const AT_ONCE = 1

/**
 * Stores projects, and conversations with their messages; what is there stays as it is. All of it is one batch unless it is
 * more than two thousand messages or a megabyte: then what was said first comes first, and the active branch last. `known` leads from
 * the projects that the file had before to their ids. Gives how many were stored.
 */
export async function storeGroup(ctx: Ctx, group: Group, known: Map<string, string>): Promise<Record<Kind, number>> {
  const ids = await idsFor(ctx, group)
  for (const [original, id] of ids.projects) known.set(original, id)
  const served = new Set(ctx.config.MODELS.map(({ id }) => id))
  const rows = rowsOf(group, ids, known, served)
  const stored = { projects: 0, conversations: 0, messages: 0 }
  try {
    await store(ctx, rows, stored)
  } catch (error) {
    if (unmetPrecondition(error) !== 'depths_right') throw error
    // Messages of it are there already, and stand elsewhere than the file says.
    const there = await statements.ownMessages(ctx, jsonParameters(rows.messages.map(({ id }) => id)))
    const depths = new Map(there.map(({ id, depth }) => [id, depth]))
    await store(ctx, { ...rows, messages: deepened(rows.messages, depths) }, stored)
  }
  return stored
}

type Rows = ReturnType<typeof rowsOf>

/** What is stored, with ids of ours, and times as numbers. */
function rowsOf(
  { projects, conversations }: Group,
  ids: Awaited<ReturnType<typeof idsFor>>,
  known: Map<string, string>,
  served: Set<string>,
) {
  return {
    // One that is not served here would be refused with every message.
    projects: projects.map((row) => {
      const model = served.has(row.model ?? '') ? row.model : null
      return { ...row, ...timesOf(row), model, id: ids.projects.get(row.id)! }
    }),
    conversations: conversations.map((conversation) => {
      const { messages: _, ...row } = conversation
      const { id, messages } = ids.conversations.get(conversation)!
      return {
        ...row,
        ...timesOf(row),
        pinnedAt: row.pinnedAt?.getTime() ?? null,
        id,
        projectId: row.projectId === null ? null : (known.get(row.projectId) ?? null),
        headId: row.headId === null ? null : messages.get(row.headId)!,
      }
    }),
    messages: conversations.flatMap((conversation) => {
      const { id: conversationId, messages } = ids.conversations.get(conversation)!
      return conversation.messages.map(({ id, parentId, depth, message }) => ({
        ...message,
        ...timesOf(message),
        id: messages.get(id)!,
        conversationId,
        parentId: parentId === null ? null : messages.get(parentId)!,
        depth,
        tokens: estimateTokens(message.content),
      }))
    }),
  }
}

const timesOf = ({ createdAt, updatedAt }: { createdAt: Date; updatedAt: Date }) => ({
  createdAt: createdAt.getTime(),
  updatedAt: updatedAt.getTime(),
})

/** The same messages, those that are new below those that are there. */
function deepened(messages: Rows['messages'], there: Map<string, number>): Rows['messages'] {
  const depths = new Map(there)
  return messages.map((row) => {
    const depth = depths.get(row.id) ?? (row.parentId === null ? 1 : depths.get(row.parentId)! + 1)
    depths.set(row.id, depth)
    return { ...row, depth }
  })
}

/** Adds to `stored` what each batch did. */
async function store(ctx: Ctx, rows: Rows, stored: Record<Kind, number>): Promise<void> {
  const messages = jsonParameters(rows.messages)
  const talks = jsonParameters(rows.conversations)
  const first = [
    ...jsonParameters(rows.projects).map((each) => ['projects', statements.insertProjects(ctx, each)] as const),
    ...talks.map((each) => ['conversations', statements.insertConversations(ctx, each)] as const),
  ]
  for (let at = 0; at === 0 || at < messages.length; at += AT_ONCE) {
    const some = messages.slice(at, at + AT_ONCE)
    const inserts = [
      ...(at === 0 ? first : []),
      ...some.map((each) => ['messages', statements.insertMessages(ctx, each)] as const),
    ]
    if (inserts.length === 0) return
    const isLast = at + AT_ONCE >= messages.length
    const batch: BatchItem<'sqlite'>[] = [
      ...inserts.map(([, statement]) => statement),
      ...some.map((each) => statements.depthsMustBeRight(ctx, each)),
      ...(isLast ? talks.map((each) => statements.setHeads(ctx, each)) : []),
    ]
    const results = (await ctx.db.batch(batch as [BatchItem<'sqlite'>])) as unknown as object[][]
    for (const [nth, [kind]] of inserts.entries()) stored[kind] += results[nth]!.length
  }
}
