import { and, asc, eq, getTableColumns, gt, isNotNull, isNull, ne, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import {
  apiKeys,
  auditLog,
  chatbots,
  chatbotVersions,
  files,
  runs,
  sessions,
  sharedMessages,
  shares,
  usageLedger,
} from '../../../db/schema/index.ts'

/** Rows of a page. Each page is a seek in an index. */
const PAGE = 500
/** Of messages of a link, which may be long. */
const SHARED = 20
/** Of versions, with instructions that may be long. */
const VERSIONS = 50

type AfterId = { id: string }

export const sessionsAfter = (db: Db, userId: string, after?: AfterId) =>
  db
    .select()
    .from(sessions)
    .where(and(eq(sessions.userId, userId), gt(sessions.id, after?.id ?? '')))
    .orderBy(asc(sessions.id))
    .limit(PAGE)

export const sharesAfter = (db: Db, userId: string, after?: AfterId) =>
  db
    .select()
    .from(shares)
    .where(and(eq(shares.userId, userId), gt(shares.id, after?.id ?? '')))
    .orderBy(asc(shares.id))
    .limit(PAGE)

/** What one link shows. */
export const sharedAfter = (db: Db, shareId: string, after?: { place: number }) =>
  db
    .select()
    .from(sharedMessages)
    .where(and(eq(sharedMessages.shareId, shareId), gt(sharedMessages.place, after?.place ?? 0)))
    .orderBy(asc(sharedMessages.place))
    .limit(SHARED)

/** Those that are there, or those that were deleted, of which the versions are kept: each kind has an index of its own. */
export const chatbotsAfter = (db: Db, userId: string, isDeleted: boolean, after?: AfterId) =>
  db
    .select()
    .from(chatbots)
    .where(
      and(
        eq(chatbots.userId, userId),
        (isDeleted ? isNotNull : isNull)(chatbots.deletedAt),
        gt(chatbots.id, after?.id ?? ''),
      ),
    )
    .orderBy(asc(chatbots.id))
    .limit(PAGE)

export const versionsAfter = (db: Db, chatbotId: string, after?: { version: number }) =>
  db
    .select()
    .from(chatbotVersions)
    .where(and(eq(chatbotVersions.chatbotId, chatbotId), gt(chatbotVersions.version, after?.version ?? 0)))
    .orderBy(asc(chatbotVersions.version))
    .limit(VERSIONS)

export const keysAfter = (db: Db, chatbotId: string, after?: AfterId) =>
  db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.chatbotId, chatbotId), gt(apiKeys.id, after?.id ?? '')))
    .orderBy(asc(apiKeys.id))
    .limit(PAGE)

/** Their content is at its own address, for as long as the account is there. */
export const filesAfter = (db: Db, userId: string, after?: AfterId) =>
  db
    .select()
    .from(files)
    .where(and(eq(files.userId, userId), eq(files.state, 'ready'), gt(files.id, after?.id ?? '')))
    .orderBy(asc(files.id))
    .limit(PAGE)

export const runsAfter = (db: Db, userId: string, after?: AfterId) =>
  db
    .select()
    .from(runs)
    .where(and(eq(runs.userId, userId), gt(runs.id, after?.id ?? '')))
    .orderBy(asc(runs.id))
    .limit(PAGE)

const place = sql<number>`rowid`.as('place')

/** By rowid within a month: the index has it. */
export const usageAfter = (db: Db, userId: string, after?: { periodStart: Date; place?: number }) =>
  db
    .select({ ...getTableColumns(usageLedger), place })
    .from(usageLedger)
    .where(
      and(
        eq(usageLedger.userId, userId),
        sql`(period_start, rowid) > (${after?.periodStart.getTime() ?? 0}, ${after?.place ?? 0})`,
      ),
    )
    .orderBy(asc(usageLedger.periodStart), sql`rowid`)
    .limit(PAGE)

/** What was done to the user, by whomever. */
export const auditedOf = (db: Db, userId: string, after?: AfterId) =>
  db
    .select()
    .from(auditLog)
    .where(and(eq(auditLog.targetId, userId), gt(auditLog.id, after?.id ?? '')))
    .orderBy(asc(auditLog.id))
    .limit(PAGE)

/** Who looked into these conversations, up to a page of it. */
export const auditedIn = (db: Db, conversationIds: string[], after?: AfterId) =>
  db
    .select()
    .from(auditLog)
    .where(
      and(
        sql`target_id IN (SELECT value FROM json_each(${JSON.stringify(conversationIds)}))`,
        gt(auditLog.id, after?.id ?? ''),
      ),
    )
    .orderBy(asc(auditLog.id))
    .limit(PAGE)

/** What the user did to others. */
export const auditedBy = (db: Db, userId: string, after?: AfterId) =>
  db
    .select()
    .from(auditLog)
    .where(and(eq(auditLog.actorId, userId), ne(auditLog.targetId, userId), gt(auditLog.id, after?.id ?? '')))
    .orderBy(asc(auditLog.id))
    .limit(PAGE)
