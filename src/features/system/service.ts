import { sql } from 'drizzle-orm'
import { isStoreFailure } from '../../db/failures.ts'
import type { BaseCtx } from '../../http/context.ts'

/** The newest migration that the code relies on. Its name is public; what it does is not. */
export const NEWEST_MIGRATION = '0000_foundation.sql'

/** What OWASP ASVS 5.0 asks of scrypt, with r = 8 and p = 3. */
const SAFE_COST = 15

/** Whether this deployment can do its work, and what an operator should know. */
export async function checkReadiness({ db, config }: BaseCtx) {
  const warnings = [
    ...(config.PASSWORD_POLICY === 'demo' ? ['PASSWORD_POLICY=demo accepts common passwords'] : []),
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
