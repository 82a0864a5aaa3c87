import { and, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Said } from '../../ai/context-window.ts'
import type { ShownFile } from '../../ai/shown-files.ts'
import type { Db } from '../../db/client.ts'
import { type Idempotency, resultOf, selectClaim } from '../../db/idempotency.ts'
import { branchFrom } from '../../db/message-branch.ts'
import { selectNamedPlace } from '../../db/message-place.ts'
import { conversations, messages, projects } from '../../db/schema/index.ts'
import type { Ctx } from '../../http/context.ts'
import { notFound } from '../../http/errors.ts'
import type { RunStatus } from '../../lib/run-events.ts'
import { isReading, selectAttachable, shownFilesOf, toShown } from '../files/service/attach.ts'
import type { Prompt } from './reply-request.ts'

/** Where in a conversation something is said, and what holds there. */
export type Place = {
  conversationId: string | undefined
  /** The message that the new one follows; null at the root of the tree. */
  baseId: string | null
  /** Of the base; 0 at the root. */
  depth: number
  status: RunStatus | null
  /** The last message of the active branch. */
  headId: string | null
  projectId: string | null
  /** The project's choice, for a request that makes none. */
  projectModel: string | null
  /** Of the project, then of the conversation. */
  instructions: string[]
  title: string | null
  titleSource: (typeof conversations.$inferSelect)['titleSource']
  /** The branch that ends at the base, as much of it as fits, oldest first. */
  said: Said[]
}

/** Of a conversation that is not there yet. */
const NOWHERE: Place = {
  conversationId: undefined,
  baseId: null,
  depth: 0,
  status: null,
  headId: null,
  projectId: null,
  projectModel: null,
  instructions: [],
  title: null,
  titleSource: null,
  said: [],
}

/** Room for what was said before, in tokens, by the model; `''` is for the one that is used where nobody chooses. */
export type Rooms = Record<string, number>

/** The place of a prompt and the files that it brings; `isReading` while the text of one is not known yet. */
export type Read = { place: Place; files: ShownFile[]; isReading: boolean }

/**
 * The place that a prompt names, or what the same key made before. One round trip, which reads no more messages than one
 * prompt can have. The model may be the project's, and instructions take of its room, so the room is computed there.
 * @throws AppError `not_found`, `file_not_found`, `idempotency_key_reused`
 */
export async function readPlace(
  { db, user, config, now }: Ctx,
  prompt: Prompt,
  rooms: Rooms,
  idempotency?: Idempotency,
): Promise<Read | { replayOf: string }> {
  const isNew = prompt.at === undefined
  const fileIds = prompt.content === undefined ? [] : prompt.files
  if (isNew && !idempotency && fileIds.length === 0) return { place: NOWHERE, files: [], isReading: false }
  const named = selectNamedPlace(prompt.at ?? { conversationId: '' }, user.id, now)
  const maxMessages = config.CONTEXT_MAX_MESSAGES - (prompt.content === undefined ? 0 : 1)
  const branch = branchFrom(db, sql`SELECT base_id FROM (${named})`, maxMessages, roomAt(named, rooms))
  const [[claim], [found], said, attachable] = await db.batch([
    selectClaim(db, idempotency ?? { scope: '', route: '', key: '', fingerprint: '' }),
    selectPlace(db, named),
    db
      .with(branch)
      .select({
        role: branch.role,
        content: branch.content,
        tokens: branch.tokens,
        files: shownFilesOf(sql`branch.id`).as('files'),
      })
      .from(branch)
      .orderBy(desc(branch.place)),
    selectAttachable(db, user.id, fileIds),
  ])
  if (claim) return { replayOf: resultOf(claim, idempotency!) }
  if (!isNew && !found) throw notFound()
  const files = toShown(attachable, fileIds)
  const read = { files, isReading: isReading(attachable) }
  if (!found) return { place: NOWHERE, ...read }
  const { projectInstructions, ownInstructions, depth, ...place } = found
  const instructions = [projectInstructions, ownInstructions].filter((text) => text !== null)
  return { place: { ...place, depth: depth ?? 0, instructions, said }, ...read }
}

const selectPlace = (db: Db, named: SQL) =>
  db
    .select({
      conversationId: conversations.id,
      baseId: sql<string | null>`named.base_id`.as('base_id'),
      depth: messages.depth,
      status: messages.status,
      headId: conversations.headId,
      title: conversations.title,
      titleSource: conversations.titleSource,
      projectId: conversations.projectId,
      projectModel: projects.model,
      projectInstructions: sql<string | null>`${projects.instructions}`.as('project_instructions'),
      ownInstructions: sql<string | null>`${conversations.instructions}`.as('own_instructions'),
    })
    .from(sql`(${named}) named`)
    .innerJoin(conversations, eq(conversations.id, sql`named.conversation_id`))
    .leftJoin(messages, eq(messages.id, sql`named.base_id`))
    .leftJoin(projects, and(eq(projects.id, conversations.projectId), eq(projects.userId, conversations.userId)))

/** As `estimateTokens`, so that both sides count alike. */
const tokensOf = (text: SQL) => sql`coalesce((length(CAST(${text} AS BLOB)) + 2) / 3 + 4, 0)`

const roomAt = (named: SQL, rooms: Rooms): SQL => sql`(
  SELECT coalesce((SELECT value FROM json_each(${JSON.stringify(rooms)}) WHERE key = p.model), ${rooms['']})
    - ${tokensOf(sql`p.instructions`)} - ${tokensOf(sql`c.instructions`)}
  FROM (${named}) named JOIN conversations c ON c.id = named.conversation_id LEFT JOIN projects p ON p.id = c.project_id)`
