import { eq } from 'drizzle-orm'
import { audited } from '../../../db/audit.ts'
import type { Db } from '../../../db/client.ts'
import {
  type apiKeys,
  type auditLog,
  type chatbots,
  type chatbotVersions,
  type files,
  type runs,
  type sessions,
  type sharedMessages,
  type shares,
  type usageLedger,
  users,
} from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { invalidToken } from '../../../http/errors.ts'
import {
  IS_KEPT,
  projectsAfter,
  type StoredProject,
  type Walked,
  walkConversations,
} from '../../transfer/service/pages.ts'
import * as pages from './export-pages.ts'

/** Something that the system holds about a user, as it is stored. */
export type ExportRecord =
  | { type: 'account'; row: typeof users.$inferSelect }
  | { type: 'session'; row: typeof sessions.$inferSelect }
  | { type: 'project'; row: StoredProject }
  | Walked
  | { type: 'share'; row: typeof shares.$inferSelect }
  | { type: 'shared_message'; row: typeof sharedMessages.$inferSelect }
  | { type: 'chatbot'; row: typeof chatbots.$inferSelect }
  | { type: 'chatbot_version'; row: typeof chatbotVersions.$inferSelect }
  | { type: 'api_key'; row: typeof apiKeys.$inferSelect }
  | { type: 'file'; row: typeof files.$inferSelect }
  | { type: 'run'; row: typeof runs.$inferSelect }
  | { type: 'usage'; row: typeof usageLedger.$inferSelect }
  | { type: 'audit'; row: typeof auditLog.$inferSelect }

/** Conversations whose readers are looked up at once. */
const AUDITED_AT_ONCE = 200

/**
 * Everything that is held about the caller, read page by page as it is asked for, so that it costs the same memory
 * however much there is. That it was exported is recorded before the first record comes.
 * @throws AppError `unauthorized`
 */
export async function exportAccount(ctx: Ctx): Promise<AsyncGenerator<ExportRecord>> {
  const { db, user } = ctx
  const act = { action: 'user.exported', target: { type: 'user', id: user.id } } as const
  const [[account]] = await db.batch([db.select().from(users).where(eq(users.id, user.id)), audited(ctx, act)])
  if (!account) throw invalidToken()
  return recordsOf(db, account)
}

async function* recordsOf(db: Db, account: typeof users.$inferSelect): AsyncGenerator<ExportRecord> {
  const { id } = account
  yield { type: 'account', row: account }
  yield* every('session', (after?: typeof sessions.$inferSelect) => pages.sessionsAfter(db, id, after))
  yield* every('project', (after?: StoredProject) => projectsAfter(db, id, after?.id ?? ''))
  let told: string[] = []
  for await (const record of walkConversations(db, id, IS_KEPT)) {
    if (record.type === 'conversation') {
      if (told.length === AUDITED_AT_ONCE) {
        yield* auditedIn(db, told)
        told = []
      }
      told.push(record.row.id)
    }
    yield record
  }
  yield* auditedIn(db, told)
  yield* sharesOf(db, id)
  for (const isDeleted of [false, true]) yield* chatbotsOf(db, id, isDeleted)
  yield* every('file', (after?: typeof files.$inferSelect) => pages.filesAfter(db, id, after))
  yield* every('run', (after?: typeof runs.$inferSelect) => pages.runsAfter(db, id, after))
  yield* every('usage', (after?: typeof usageLedger.$inferSelect) => pages.usageAfter(db, id, after))
  yield* every('audit', (after?: typeof auditLog.$inferSelect) => pages.auditedOf(db, id, after))
  yield* every('audit', (after?: typeof auditLog.$inferSelect) => pages.auditedBy(db, id, after))
}

/** Who looked into these conversations. */
const auditedIn = (db: Db, ids: string[]) =>
  every('audit', (after?: typeof auditLog.$inferSelect) => pages.auditedIn(db, ids, after))

async function* sharesOf(db: Db, userId: string): AsyncGenerator<ExportRecord> {
  for await (const record of every('share', (after?: typeof shares.$inferSelect) =>
    pages.sharesAfter(db, userId, after),
  )) {
    yield record
    const shareId = record.row.id
    const more = (after?: typeof sharedMessages.$inferSelect) => pages.sharedAfter(db, shareId, after)
    yield* every('shared_message', more)
  }
}

/** Each with its versions and its keys. What its endpoints want as theirs is told to nobody. */
async function* chatbotsOf(db: Db, userId: string, isDeleted: boolean): AsyncGenerator<ExportRecord> {
  for await (const record of every('chatbot', (after?: typeof chatbots.$inferSelect) =>
    pages.chatbotsAfter(db, userId, isDeleted, after),
  )) {
    yield record
    const { id } = record.row
    yield* every('chatbot_version', (after?: typeof chatbotVersions.$inferSelect) => pages.versionsAfter(db, id, after))
    yield* every('api_key', (after?: typeof apiKeys.$inferSelect) => pages.keysAfter(db, id, after))
  }
}

/** All rows as records, a page at a time, until one is empty. */
async function* every<const Type extends string, Row>(type: Type, pageAfter: (after?: Row) => PromiseLike<Row[]>) {
  for (let page = await pageAfter(); page.length > 0; page = await pageAfter(page.at(-1))) {
    for (const row of page) yield { type, row }
  }
}
