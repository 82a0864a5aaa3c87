import { and, eq, gt, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { mailTokens } from '../../db/schema/index.ts'
import type { BaseCtx } from '../../http/context.ts'
import { sha256 } from '../../lib/digests.ts'
import { newSecret } from '../../lib/ids.ts'

const MINUTE = 60_000

/** How long a code from a mail works (security.md, section 2). The templates of the mails say so too. */
const LIFETIME_MS = { verify: 24 * 60 * MINUTE, reset: 10 * MINUTE }

type Purpose = keyof typeof LIFETIME_MS
type Addressee = { id: string; email: string }

/** A fresh token for a user's address, and the statement that stores its hash in the place of the one before. */
export async function newMailToken({ db, now }: Pick<BaseCtx, 'db' | 'now'>, purpose: Purpose, user: Addressee) {
  const token = newSecret()
  const content = {
    hash: await sha256(token),
    email: user.email,
    createdAt: now,
    expiresAt: new Date(now.getTime() + LIFETIME_MS[purpose]),
  }
  const statement = db
    .insert(mailTokens)
    .values({ userId: user.id, purpose, ...content })
    .onConflictDoUpdate({ target: [mailTokens.userId, mailTokens.purpose], set: content })
  return { token, statement }
}

/** That a stored token is the one with this hash and still works, for the address that its user has now. */
export const isToken = (purpose: Purpose, hash: string, now: Date) =>
  and(
    eq(mailTokens.hash, hash),
    eq(mailTokens.purpose, purpose),
    gt(mailTokens.expiresAt, now),
    sql`EXISTS (SELECT 1 FROM users u WHERE u.id = ${mailTokens.userId} AND u.email = ${mailTokens.email}
      AND u.disabled_at IS NULL)`,
  )!

/** Statement that voids a user's tokens: of all purposes, or of one. */
export const voidMailTokens = (db: Db, userId: string, purpose?: Purpose) =>
  db
    .delete(mailTokens)
    .where(and(eq(mailTokens.userId, userId), purpose === undefined ? undefined : eq(mailTokens.purpose, purpose)))
