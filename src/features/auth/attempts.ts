import { inArray, type SQL, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import type { Db } from '../../db/client.ts'
import { mustHold, unmetPrecondition } from '../../db/preconditions.ts'
import { attempts } from '../../db/schema/index.ts'
import type { Config } from '../../env.ts'
import type { BaseCtx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import { hmac } from '../../lib/digests.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const CLAIMED = 'attempts_left'

/** At most `max` attempts of `subject` in a window of `windowMs` that begins with the first. */
export type Limit = { subject: string; max: number; windowMs: number }

/** Who or what is counted. Only a keyed hash is stored: the table names nobody. */
const subjectOf = async ({ JWT_SECRET }: Config, kind: string, value: string) =>
  `${kind}:${(await hmac(`attempts:${JWT_SECRET}`, value)).slice(0, 22)}`

const limitOf =
  (kind: string, max: (config: Config) => number, windowMs: number) =>
  async (config: Config, value: string | null): Promise<Limit> => ({
    subject: await subjectOf(config, kind, value ?? ''),
    max: max(config),
    windowMs,
  })

/** The limits of security-relevant attempts. They are exact, so they live in D1 and not in KV. */
export const LIMITS = {
  /** By email or username, whether there is such an account or not. */
  signInOfAccount: limitOf('account', (config) => config.SIGN_IN_ACCOUNT_LIMIT, 15 * MINUTE),
  signInFromAddress: limitOf('address', (config) => config.SIGN_IN_ADDRESS_LIMIT, 15 * MINUTE),
  registerFromAddress: limitOf('register', (config) => config.REGISTER_ADDRESS_LIMIT, HOUR),
  mailToAccount: limitOf('mail_to', (config) => config.MAIL_ACCOUNT_LIMIT, HOUR),
  mailFromAddress: limitOf('mail_from', (config) => config.MAIL_ADDRESS_LIMIT, HOUR),
  tokenFromAddress: limitOf('token', (config) => config.MAIL_TOKEN_LIMIT, HOUR),
}

type Attempting = Pick<BaseCtx, 'db' | 'now' | 'log'>

/**
 * Counts one attempt under each limit and sends `statements` along, all in one trip; nothing is done when a limit is
 * reached. It comes before the work that it limits, so parallel attempts cannot all find room.
 * @throws AppError `rate_limit_exceeded`
 */
export async function attempt<T extends BatchItem<'sqlite'>[]>(
  { db, now, log }: Attempting,
  limits: Limit[],
  ...statements: T
): Promise<{ [K in keyof T]: T[K]['_']['result'] }> {
  try {
    const results = await db.batch([
      mustHold(db, CLAIMED, sql`NOT EXISTS (SELECT 1 FROM attempts WHERE ${anyFull(limits, now)})`),
      ...limits.map((limit) => count(db, limit, now)),
      ...statements,
    ])
    return results.slice(1 + limits.length) as { [K in keyof T]: T[K]['_']['result'] }
  } catch (error) {
    if (unmetPrecondition(error) !== CLAIMED) throw error
    const [full] = await db
      .select({ subject: attempts.subject, resetsAt: attempts.resetsAt })
      .from(attempts)
      .where(anyFull(limits, now))
      .orderBy(sql`resets_at DESC`)
    log('warn', 'attempts_limited', { limit: full?.subject.split(':')[0] })
    const waitMs = full ? full.resetsAt.getTime() - now.getTime() : 1_000
    throw new AppError('rate_limit_exceeded', 'Too many attempts: wait before the next one', {
      retryAfterS: Math.ceil(waitMs / 1_000),
    })
  }
}

/** Statement that takes back one attempt under these limits: it was not the kind that they are there for. */
export const giveBack = (db: Db, limits: Limit[]) =>
  db
    .update(attempts)
    .set({ n: sql`max(n - 1, 0)` })
    .where(inArray(attempts.subject, subjects(limits)))

/** Statement that forgets all attempts under these limits. */
export const forget = (db: Db, limits: Limit[]) =>
  db.delete(attempts).where(inArray(attempts.subject, subjects(limits)))

const subjects = (limits: Limit[]) => limits.map(({ subject }) => subject)

const anyFull = (limits: Limit[], now: Date): SQL => {
  const full = limits.map(({ subject, max }) => sql`(subject = ${subject} AND n >= ${max})`)
  return sql`(${sql.join(full, sql` OR `)}) AND resets_at > ${now.getTime()}`
}

const count = (db: Db, { subject, windowMs }: Limit, now: Date) => {
  const isOver = sql`${attempts.resetsAt} <= ${now.getTime()}`
  const resetsAt = new Date(now.getTime() + windowMs)
  return db
    .insert(attempts)
    .values({ subject, n: 1, resetsAt })
    .onConflictDoUpdate({
      target: attempts.subject,
      set: {
        n: sql`CASE WHEN ${isOver} THEN 1 ELSE ${attempts.n} + 1 END`,
        resetsAt: sql`CASE WHEN ${isOver} THEN ${resetsAt.getTime()} ELSE ${attempts.resetsAt} END`,
      },
    })
}
