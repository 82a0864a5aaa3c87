import { and, desc, eq, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { audited, userExists } from '../../../db/audit.ts'
import type { Db } from '../../../db/client.ts'
import { adminIsLive } from '../../../db/live-session.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { auditLog, chatbots, chatbotVersions } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'

/** The files that are still there, in their order. */
const filesLeft = sql<string>`(SELECT json_group_array(f.value) FROM (
  SELECT value FROM json_each(chatbot_versions.files) WHERE EXISTS (
    SELECT 1 FROM files WHERE files.id = value AND files.state = 'ready') ORDER BY key) f)`
  .mapWith((json: string): string[] => JSON.parse(json))
  .as('files')

/** The settings of one version, as they are stored. */
export const SETTINGS = {
  llmEndpointUrl: chatbotVersions.llmEndpointUrl,
  model: chatbotVersions.model,
  fallbacks: chatbotVersions.fallbacks,
  instructions: chatbotVersions.instructions,
  temperature: chatbotVersions.temperature,
  contextTokens: chatbotVersions.contextTokens,
  maxOutputTokens: chatbotVersions.maxOutputTokens,
  internetEnabled: chatbotVersions.internetEnabled,
  files: chatbotVersions.files,
}
const SHOWN_SETTINGS = { ...SETTINGS, files: filesLeft }
const VERSION = { ...SHOWN_SETTINGS, version: chatbotVersions.version, createdAt: chatbotVersions.createdAt }

/** Where secrets are stored for, never what they are. */
const secretOrigins = sql<string>`(
  SELECT json_group_array(origin) FROM chatbot_secrets WHERE chatbot_id = chatbots.id)`
  .mapWith((json: string): string[] => JSON.parse(json))
  .as('secret_origins')

const FIELDS = {
  id: chatbots.id,
  userId: chatbots.userId,
  name: chatbots.name,
  handle: chatbots.handle,
  version: chatbots.version,
  createdAt: chatbots.createdAt,
  updatedAt: chatbots.updatedAt,
  secretOrigins,
  ...SHOWN_SETTINGS,
}

/** That a row of `chatbot_versions` is the one by which a row of `chatbots` answers now. */
export const isCurrentVersion = and(
  eq(chatbotVersions.chatbotId, chatbots.id),
  eq(chatbotVersions.version, chatbots.version),
)

/** That a row of `chatbots` is this one, the user's own, and there. */
export const isOwn = (userId: string, id: string): SQL =>
  sql`(chatbots.id = ${id} AND chatbots.user_id = ${userId} AND chatbots.deleted_at IS NULL)`

/** That there is such a chatbot of the user's. */
export const ownExists = (userId: string, id: string): SQL =>
  sql`EXISTS (SELECT 1 FROM chatbots WHERE ${isOwn(userId, id)})`

/** Statement for chatbots with the settings that hold. */
const select = (db: Db, where: SQL | undefined, limit: number) =>
  db
    .select(FIELDS)
    .from(chatbots)
    .innerJoin(chatbotVersions, isCurrentVersion)
    .where(and(isNull(chatbots.deletedAt), where))
    .orderBy(desc(chatbots.id))
    .limit(limit)

export type StoredChatbot = Awaited<ReturnType<typeof select>>[number]
export type StoredVersion = Pick<StoredChatbot, keyof typeof VERSION>

/** Statement for a chatbot of the user's, if there is one. */
export const selectOwn = (db: Db, userId: string, id: string) =>
  select(db, and(eq(chatbots.id, id), eq(chatbots.userId, userId)), 1)

/** @throws AppError `not_found`, also for what is somebody else's */
export async function getOwnChatbot({ db, user }: Ctx, id: string): Promise<StoredChatbot> {
  const [row] = await selectOwn(db, user.id, id)
  if (!row) throw notFound()
  return row
}

/**
 * One's own chatbot, or anybody's for an admin, of whom it is recorded.
 * @throws AppError `not_found`
 */
export async function getChatbot(ctx: Ctx, id: string): Promise<StoredChatbot> {
  const { db, user, now, log } = ctx
  const [own] = await selectOwn(db, user.id, id)
  if (own) return own
  const isAdmin = adminIsLive(user, now)
  const isThere = sql`EXISTS (SELECT 1 FROM chatbots WHERE id = ${id} AND deleted_at IS NULL)`
  const act = { action: 'chatbot.read', target: { type: 'chatbot', id } } as const
  const [, [row]] = await db.batch([
    audited(ctx, { ...act, when: sql`${isThere} AND ${isAdmin}` }),
    select(db, and(eq(chatbots.id, id), isAdmin), 1),
  ])
  if (!row) throw notFound()
  log('warn', 'admin_read', { user_id: user.id, target_id: id })
  return row
}

/** One page of the caller's chatbots, newest first. @throws AppError `validation_failed` for a foreign cursor */
export async function listChatbots({ db, user }: Ctx, page: PageRequest) {
  return pageOfChatbots(await selectPageOf(db, user.id, page), page, listOf(user.id))
}

/**
 * One page of a user's chatbots: one's own, or anybody's for an admin, of whom it is recorded.
 * @throws AppError `not_found`, `validation_failed` for a foreign cursor
 */
export async function listChatbotsOf(ctx: Ctx, userId: string, page: PageRequest) {
  const { db, user, now, log } = ctx
  if (userId === user.id) return listChatbots(ctx, page)
  const act = { action: 'user.chatbots_listed', target: { type: 'user', id: userId } } as const
  const read = db.batch([
    mustHold(db, 'is_there', sql`(${userExists(userId)} AND ${adminIsLive(user, now)})`),
    audited(ctx, act),
    selectPageOf(db, userId, page),
  ])
  const [, , rows] = await read.catch((error) => {
    throw unmetPrecondition(error) === 'is_there' ? notFound() : error
  })
  log('warn', 'admin_read', { user_id: user.id, target_id: userId })
  return pageOfChatbots(rows, page, listOf(userId))
}

const ALL = 'chatbots:all'

/**
 * One page of everybody's chatbots, for an admin. It is recorded whose they are.
 * @throws AppError `forbidden`, `validation_failed` for a foreign cursor
 */
export async function listAllChatbots(ctx: Ctx, page: PageRequest) {
  const { db, user, now, log } = ctx
  const before = keyAfter(page, ALL, ['string'])?.[0] ?? '~'
  const [, , rows] = await db.batch([
    mustHold(db, 'is_admin', adminIsLive(user, now)),
    auditedOwners(ctx, before, page.limit),
    select(db, lt(chatbots.id, before), page.limit + 1),
  ])
  log('warn', 'admin_read', { user_id: user.id, target_id: null })
  return pageOfChatbots(rows, page, ALL)
}

/** Statement that records, for each other user whose chatbots are on this page of all, that they were looked at. */
function auditedOwners({ db, user, now, requestId, newId }: Ctx, before: string, limit: number): BatchItem<'sqlite'> {
  const ids = JSON.stringify(Array.from({ length: limit }, () => newId()))
  return db.insert(auditLog).select(sql`
    SELECT ids.value, ${now.getTime()}, ${user.id}, 'user.chatbots_listed', 'user', owners.user_id, '[]', 'done', ${requestId}
    FROM (SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS place FROM (
      SELECT DISTINCT user_id FROM (
        SELECT user_id FROM chatbots WHERE deleted_at IS NULL AND id < ${before} ORDER BY id DESC LIMIT ${limit})
      WHERE user_id <> ${user.id})) owners
    JOIN json_each(${ids}) ids ON ids.key = owners.place`)
}

const listOf = (userId: string) => `chatbots:${userId}`

function selectPageOf(db: Db, userId: string, page: PageRequest) {
  const before = keyAfter(page, listOf(userId), ['string'])?.[0]
  return select(
    db,
    and(eq(chatbots.userId, userId), before === undefined ? undefined : lt(chatbots.id, before)),
    page.limit + 1,
  )
}

const pageOfChatbots = (rows: StoredChatbot[], page: PageRequest, list: string) =>
  pageOf(rows, page, list, ({ id }) => [id])

/**
 * One page of the settings that a chatbot of the caller's had, newest first.
 * @throws AppError `not_found`, `validation_failed` for a foreign cursor
 */
export async function listVersions({ db, user }: Ctx, id: string, page: PageRequest) {
  const list = `chatbot_versions:${id}`
  const before = keyAfter(page, list, ['number'])?.[0]
  const [[there], rows] = await db.batch([
    db.select({ id: chatbots.id }).from(chatbots).where(isOwn(user.id, id)),
    db
      .select(VERSION)
      .from(chatbotVersions)
      .where(
        and(
          eq(chatbotVersions.chatbotId, id),
          before === undefined ? undefined : lt(chatbotVersions.version, before),
          ownExists(user.id, id),
        ),
      )
      .orderBy(desc(chatbotVersions.version))
      .limit(page.limit + 1),
  ])
  if (!there) throw notFound()
  return pageOf(rows, page, list, ({ version }) => [version])
}
