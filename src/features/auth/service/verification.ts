import { eq, sql } from 'drizzle-orm'
import { mailTokens, users } from '../../../db/schema/index.ts'
import type { BaseCtx, Client } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { sha256 } from '../../../lib/digests.ts'
import { verifyMail } from '../../../mail/templates.ts'
import { attempt, giveBack, LIMITS } from '../attempts.ts'
import { isToken, newMailToken } from '../mail-tokens.ts'

export { voidMailTokens } from '../mail-tokens.ts'

type Addressee = { id: string; email: string | null }

/** Mails a code that verifies the user's address, after the answer. It does nothing for an account without one. */
export function sendVerification(ctx: BaseCtx, { id, email }: Addressee): void {
  if (!email) return
  afterAnswer(ctx, async () => {
    const { token, statement } = await newMailToken(ctx, 'verify', { id, email })
    await statement
    await ctx.sendMail({ to: email, ...verifyMail({ token, appUrl: ctx.config.APP_URL }) })
  })
}

/** Work whose time must not tell anything, or that nobody waits for. */
export function afterAnswer(ctx: BaseCtx, work: () => Promise<unknown>): void {
  ctx.waitUntil(work().catch((error) => ctx.log('error', 'mail_not_prepared', describeError(error))))
}

/** Counts a request for a mail to `email`, whether there is such an account or not. @throws AppError `rate_limit_exceeded` */
export async function attemptMail(ctx: BaseCtx, email: string, client: Client): Promise<void> {
  const limits = [LIMITS.mailToAccount(ctx.config, email), LIMITS.mailFromAddress(ctx.config, client.ipHash)]
  await attempt(ctx, await Promise.all(limits))
}

/** Sends the code again, if there is such an account and it waits for one; nobody is told. @throws AppError `rate_limit_exceeded` */
export async function resendVerification(ctx: BaseCtx, email: string, client: Client): Promise<void> {
  await attemptMail(ctx, email, client)
  afterAnswer(ctx, async () => {
    const user = await ctx.db.select().from(users).where(eq(users.email, email)).get()
    if (user && !user.disabledAt && !user.emailVerifiedAt) sendVerification(ctx, user)
  })
}

/**
 * Verifies the address that the code was sent to.
 * @throws AppError `invalid_token` for one that is unknown, spent, too old, or for an address given up since;
 *   `rate_limit_exceeded`
 */
export async function verifyEmail(ctx: BaseCtx, token: string, client: Client): Promise<void> {
  const { db, config, now } = ctx
  const limit = await LIMITS.tokenFromAddress(config, client.ipHash)
  const isMine = isToken('verify', await sha256(token), now)
  const owner = db.select({ id: mailTokens.userId }).from(mailTokens).where(isMine)
  const [verified] = await attempt(
    ctx,
    [limit],
    db.update(users).set({ emailVerifiedAt: now }).where(sql`${users.id} = (${owner})`).returning({ id: users.id }),
    db.delete(mailTokens).where(isMine),
  )
  if (verified.length === 0) throw new AppError('invalid_token')
  await giveBack(db, [limit])
}
