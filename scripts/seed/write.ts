import { and, count, inArray, isNotNull } from 'drizzle-orm'
import { users } from '../../src/db/schema/index.ts'
import { hashPassword } from '../../src/features/auth/passwords.ts'
import { Refusal } from '../command-line.ts'
import { db, readD1, type Target, writeD1 } from '../d1.ts'
import { PASSWORD_COST } from '../make-admin.ts'
import { accounts, userIdOf } from './accounts.ts'
import { chatbotsOf } from './chatbots.ts'
import { conversationsOf } from './conversations.ts'
import { PEOPLE } from './people.ts'
import type { Section } from './section.ts'
import { TALKS_AT_HOME } from './talks-at-home.ts'
import { TALKS_AT_WORK } from './talks-at-work.ts'

/** A statement has at most 100 KB, and a message of ours far less than 5. */
const ROWS_PER_STATEMENT = 20

/** Writes the sections that are not there, and tells what there is now. @throws Refusal when a name of theirs is taken */
export async function seed(target: Target, password: string): Promise<string> {
  const talks = [...TALKS_AT_WORK, ...TALKS_AT_HOME]
  const nowMs = Date.now()
  // One hash for all: that they share a password is no secret.
  const passwordHash = await hashPassword(password, PASSWORD_COST)
  const sections = [accounts(nowMs, passwordHash, talks), conversationsOf(nowMs, talks), chatbotsOf(nowMs)]
  const [gone, ...there] = (await readD1(target, [countOfDeleted(), ...sections.map(countOf)])).map(([row]) => row!.n)
  // Nothing new is put into accounts that somebody has deleted.
  const missing = gone === 0 ? sections.filter((_, at) => there[at] === 0) : []
  if (missing.length > 0) await write(target, missing)
  return report(missing, password)
}

function countOfDeleted() {
  return db
    .select({ n: count().as('n') })
    .from(users)
    .where(and(inArray(users.id, PEOPLE.map(userIdOf)), isNotNull(users.deletedAt)))
}

/** How many rows of its first part are there. */
function countOf({ parts }: Section) {
  const { table, key, rows } = parts[0]!
  const ids = rows.map((row) => (row as { id: string }).id)
  return db
    .select({ n: count().as('n') })
    .from(table)
    .where(inArray(key[0]!, ids))
}

async function write(target: Target, sections: Section[]): Promise<void> {
  const statements = sections
    .flatMap(({ parts }) => parts)
    .flatMap(({ table, key, rows }) =>
      chunks(rows).map((some) => db.insert(table).values(some).onConflictDoNothing({ target: key })),
    )
  try {
    await writeD1(target, statements)
  } catch (error) {
    const [, things, name] = /UNIQUE constraint failed: (users|chatbots)\.(\w+)/.exec((error as Error).message) ?? []
    if (things) throw new Refusal(`Another of the ${things} has the ${name} of a demo one. Nothing was written.`)
    throw error
  }
}

function chunks<T>(rows: T[]): T[][] {
  const starts = Array.from({ length: Math.ceil(rows.length / ROWS_PER_STATEMENT) }, (_, at) => at * ROWS_PER_STATEMENT)
  return starts.map((start) => rows.slice(start, start + ROWS_PER_STATEMENT))
}

function report(written: Section[], password: string): string {
  if (written.length === 0) return 'The demo data is there already: nothing was changed, and passwords stay.'
  const made = written.flatMap(({ parts }) => parts.map(({ name, rows }) => `${rows.length} ${name}`)).join(', ')
  const names = PEOPLE.map(({ username }) => username).join(', ')
  return written.some(({ name }) => name === 'accounts')
    ? `Made ${made}.\nSign in as ${names}; ${PEOPLE[0]!.username} is an administrator.\nThe password of all, shown this once: ${password}`
    : `Made ${made}. The users were there already, and keep their passwords.`
}
