import { eq, sql } from 'drizzle-orm'
import { isStoreFailure } from '../../db/failures.ts'
import { counters } from '../../db/schema/index.ts'
import type { BaseCtx, Ctx } from '../../http/context.ts'

/** The newest migration that the code relies on. Its name is public; what it does is not. */
export const NEWEST_MIGRATION = '0017_one_index_for_replies.sql'

/** What OWASP ASVS 5.0 asks of scrypt, with r = 8 and p = 3. */
const SAFE_COST = 15

/** Whether this deployment can do its work, and what an operator should know. */
export async function checkReadiness({ db, config }: BaseCtx) {
  const warnings = [
    ...(config.PASSWORD_POLICY === 'demo' ? ['PASSWORD_POLICY=demo accepts common passwords'] : []),
    ...(config.MAIL_FROM ? [] : ['No mail is sent: set MAIL_FROM, and RESEND_API_KEY or the binding EMAIL']),
    ...(config.PASSWORD_COST < SAFE_COST ? [`PASSWORD_COST is below ${SAFE_COST}`] : []),
  ]
  const migrations = await db
    .all<{ name: string }>(sql`SELECT name FROM d1_migrations WHERE name = ${NEWEST_MIGRATION}`)
    .then((rows) => (rows.length > 0 ? 'ok' : 'failed'))
    .catch((error) => (isStoreFailure(error) ? 'unreachable' : 'failed'))
  const database = migrations === 'unreachable' ? 'failed' : 'ok'
  const checks = { database, migrations: migrations === 'ok' ? 'ok' : 'failed' } as const
  const status = database === 'ok' && migrations === 'ok' ? 'ok' : 'failed'
  return { status, checks, warnings } as const
}

/** How many there are of what counters count (migrations/0002): nothing is scanned, however much there is. */
const COUNTED = ['users', 'projects', 'conversations', 'messages', 'runs', 'files', 'chatbots'] as const

/** The migrations of the database, the newest last, and how many records it has. */
export async function readDatabaseState({ db }: Ctx) {
  const [migrations, totals] = await db.batch([
    db
      .select({ name: sql<string>`name`.as('name') })
      .from(sql`d1_migrations`)
      .orderBy(sql`id`),
    db.select().from(counters).where(eq(counters.day, 0)),
  ])
  const values = new Map(totals.map(({ name, value }) => [name, value]))
  const records = Object.fromEntries(COUNTED.map((name) => [name, values.get(name) ?? 0]))
  return {
    migration: migrations.at(-1)?.name ?? null,
    isCurrent: migrations.some(({ name }) => name === NEWEST_MIGRATION),
    records: records as Record<(typeof COUNTED)[number], number>,
  }
}
