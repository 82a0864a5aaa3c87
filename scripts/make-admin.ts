import { eq, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { audited } from '../src/db/audit.ts'
import { users } from '../src/db/schema/index.ts'
import { voidMailTokens } from '../src/features/auth/mail-tokens.ts'
import { hashPassword } from '../src/features/auth/passwords.ts'
import { endSessions } from '../src/features/auth/sessions.ts'
import { newId } from '../src/lib/ids.ts'
import { Refusal } from './command-line.ts'
import { db, readD1, type Target, writeD1 } from './d1.ts'

/** The cost that OWASP ASVS 5.0 asks for. A server with another setting makes the hash anew at the first sign-in. */
export const PASSWORD_COST = 15

type Names = { email: string; username?: string }
type Account = { id: string; username: string | null; role: string; isDisabled: boolean; isConfirmed: boolean }
/** A password that was given along, and where one comes from when it is needed and was not. */
type Password = { given: string | undefined; ask: () => Promise<string> }

/**
 * Makes an administrator with that email, or of the account that has it. Says what was done; nothing if it is so already.
 * @throws Refusal for a username that somebody else has, or that differs from the account's
 */
export async function makeAdmin(target: Target, names: Names, password: Password): Promise<string | undefined> {
  const { email, username } = names
  const account = await findAccount(target, email)
  if (!account) return create(target, names, await hashOf(password))
  if (username !== undefined && username !== account.username) {
    const has = account.username === null ? 'no username' : `the username ${account.username}`
    throw new Refusal(`${email} has an account already, with ${has}: leave --username out.`)
  }
  return promote(target, email, account, password)
}

async function findAccount(target: Target, email: string): Promise<Account | undefined> {
  const { id, username, role, disabledAt, emailVerifiedAt } = users
  const found = db.select({ id, username, role, disabledAt, emailVerifiedAt }).from(users).where(eq(users.email, email))
  const [row] = (await readD1(target, [found]))[0]!
  return (
    row && {
      id: String(row.id),
      username: row.username as string | null,
      role: String(row.role),
      isDisabled: row.disabled_at !== null,
      isConfirmed: row.email_verified_at !== null,
    }
  )
}

const hashOf = async ({ given, ask }: Password) => hashPassword(given ?? (await ask()), PASSWORD_COST)

async function create(target: Target, { email, username }: Names, passwordHash: string): Promise<string> {
  const now = new Date()
  const id = newId()
  await write(target, [
    audited(operator(now), { action: 'user.created', target: { type: 'user', id }, fields: ['role'] }),
    db.insert(users).values({
      id,
      email,
      username,
      displayName: username ?? email.split('@')[0]!.slice(0, 80),
      passwordHash,
      role: 'admin',
      emailVerifiedAt: now,
      createdAt: now,
      updatedAt: now,
    }),
  ])
  return `Made ${email} an administrator.`
}

async function promote(
  target: Target,
  email: string,
  account: Account,
  password: Password,
): Promise<string | undefined> {
  const { id, isConfirmed } = account
  const isReady = account.role === 'admin' && !account.isDisabled
  if (isReady && password.given === undefined) return undefined
  if (!isConfirmed && password.given === undefined) {
    console.error(`Nobody has confirmed that ${email} is theirs, so the password is replaced.`)
  }
  const passwordHash = isConfirmed && password.given === undefined ? undefined : await hashOf(password)
  const now = new Date()
  const act = (action: 'user.role_changed' | 'user.enabled' | 'user.updated', field: string, when: SQL) =>
    audited(operator(now), {
      action,
      target: { type: 'user', id },
      fields: [field],
      when: sql`EXISTS (SELECT 1 FROM users WHERE id = ${id} AND ${when})`,
    })
  const newPassword = passwordHash && { passwordHash, failedSignIns: 0 }
  await write(target, [
    act('user.role_changed', 'role', sql`role <> 'admin'`),
    act('user.enabled', 'is_active', sql`disabled_at IS NOT NULL`),
    ...(passwordHash ? [act('user.updated', 'password', sql`true`)] : []),
    db
      .update(users)
      .set({
        role: 'admin',
        disabledAt: null,
        emailVerifiedAt: sql`coalesce(email_verified_at, ${now.getTime()})`,
        updatedAt: now,
        ...newPassword,
      })
      .where(eq(users.id, id)),
    ...(passwordHash ? [endSessions(db, id, 'password_changed', now), voidMailTokens(db, id, 'reset')] : []),
  ])
  const is = isReady ? 'is an administrator already' : 'is now an administrator'
  return `${email} ${is}. ${passwordHash ? 'The password was replaced, and its sessions have ended.' : 'The password stays.'}`
}

/** Who acts: none of the users. */
const operator = (now: Date) => ({ db, user: null, now, requestId: null, newId })

/** All or nothing. @throws Refusal that says in words which name was taken */
async function write(target: Target, statements: SQLWrapper[]): Promise<void> {
  try {
    await writeD1(target, statements)
  } catch (error) {
    const taken = /UNIQUE constraint failed: users\.(\w+)/.exec((error as Error).message)?.[1]
    if (taken === 'username') throw new Refusal('Somebody else has this username: choose another, or leave it out.')
    if (taken === 'email') throw new Refusal('This email was registered at this very moment: try again.')
    throw error
  }
}
