import { and, desc, eq, getTableColumns, lt, sql } from 'drizzle-orm'
import { type Idempotency, once } from '../../db/idempotency.ts'
import { keyAfter, type PageRequest, pageOf } from '../../db/pages.ts'
import { projects } from '../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../db/sweep.ts'
import type { Ctx, OwnerCtx } from '../../http/context.ts'
import { AppError, invalid, notFound } from '../../http/errors.ts'
import { removeSomeOfProject } from '../conversations/service/delete.ts'
import type { NewProject, ProjectChanges } from './schemas.ts'
import type { StoredProject } from './wire.ts'

const LIST = 'projects'
const SUMMARIES = 20
/** Rounds of one deletion: 2,500 conversations. What is more takes another request. */
const DELETE_ROUNDS = 100

const owned = (userId: string, id: string) => and(eq(projects.id, id), eq(projects.userId, userId))

/** A seek in the index of the project's conversations. Their order is the subquery's. */
const newest = sql`(
  SELECT json_group_array(json_object('id', c.id, 'title', c.title, 'updatedAt', c.updated_at)) FROM (
    SELECT id, title, updated_at FROM conversations
    WHERE project_id = projects.id AND state = 'active' ORDER BY updated_at DESC, id DESC LIMIT ${SUMMARIES}) c)`
  .mapWith((json: string): StoredProject['conversations'] => JSON.parse(json))
  .as('conversations')

const FIELDS = { ...getTableColumns(projects), conversations: newest }

/** One page of the caller's projects, newest first. @throws AppError `validation_failed` for a foreign cursor */
export async function listProjects({ db, user }: Ctx, page: PageRequest) {
  const before = keyAfter(page, LIST, ['string'])?.[0]
  const rows = await db
    .select(FIELDS)
    .from(projects)
    .where(and(eq(projects.userId, user.id), before === undefined ? undefined : lt(projects.id, before)))
    .orderBy(desc(projects.id))
    .limit(page.limit + 1)
  return pageOf(rows, page, LIST, (row) => [row.id])
}

/** @throws AppError `not_found` */
export async function getProject({ db, user }: Ctx, id: string): Promise<StoredProject> {
  const row = await db.select(FIELDS).from(projects).where(owned(user.id, id)).get()
  if (!row) throw notFound()
  return row
}

/**
 * A new project, or the one that the same key made before, as it is now.
 * @throws AppError `validation_failed` for a model that is not served, `idempotency_key_reused`, and `not_found` when what
 *   the key made is gone
 */
export async function createProject(ctx: Ctx, given: NewProject, idempotency: Idempotency | undefined) {
  const { db, user, now, newId } = ctx
  refuseUnknownModel(ctx, given.model)
  const row = { id: newId(), userId: user.id, ...given, createdAt: now, updatedAt: now }
  const { id, replayed } = await once(db, idempotency, row.id, now, [db.insert(projects).values(row)])
  const project = replayed ? await getProject(ctx, id) : { ...row, conversations: [] }
  return { project, replayed }
}

/**
 * Changes only the fields given.
 * @throws AppError `not_found`, `validation_failed` for a model that is not served
 */
export async function updateProject(ctx: Ctx, id: string, changes: ProjectChanges): Promise<StoredProject> {
  const { db, user, now } = ctx
  refuseUnknownModel(ctx, changes.model)
  const row = await db
    .update(projects)
    .set({ ...changes, updatedAt: now })
    .where(owned(user.id, id))
    .returning(FIELDS)
    .get()
  if (!row) throw notFound()
  return row
}

/** Whether the plan has it is asked when a reply is. */
function refuseUnknownModel({ config }: Ctx, model: string | null | undefined): void {
  if (!model || config.MODELS.some(({ id }) => id === model)) return
  throw invalid([{ pointer: '/model', detail: 'This model is not served here' }])
}

/**
 * Deletes a project with its conversations, a bounded number in each round; replies that are being written in them are
 * ended first. It goes when the last of them has.
 * @throws AppError `not_found`, `run_active` when somebody keeps writing, `runner_unavailable`, `overloaded` when there are
 *   more than one request should remove: the next one goes on
 */
export async function deleteProject(ctx: Ctx, id: string): Promise<void> {
  const { db, user } = ctx
  const isEmpty = sql`NOT EXISTS (SELECT 1 FROM conversations WHERE project_id = ${id})`
  for (let round = 1; round <= DELETE_ROUNDS; round++) {
    await removeSomeOfProject(ctx, id)
    const [[there], [gone]] = await db.batch([
      db.select({ id: projects.id }).from(projects).where(owned(user.id, id)),
      db
        .delete(projects)
        .where(and(owned(user.id, id), isEmpty))
        .returning({ id: projects.id }),
    ])
    if (gone) return
    if (!there) throw notFound()
  }
  throw new AppError('overloaded', 'This is much: a part of it is gone, ask again for the rest', { retryAfterS: 1 })
}

/** Removes a bounded number of projects of an account that has no conversations any more; gives how many. */
export async function removeSomeProjects({ db, user }: OwnerCtx): Promise<number> {
  const some = sql`SELECT id FROM projects WHERE user_id = ${user.id} LIMIT ${SWEEP_ROWS}`
  const isEmpty = sql`NOT EXISTS (SELECT 1 FROM conversations WHERE project_id = projects.id)`
  const removed = await db
    .delete(projects)
    .where(and(sql`id IN (${some})`, isEmpty))
    .returning({ id: projects.id })
  return removed.length
}
