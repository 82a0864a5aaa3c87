import { sql } from 'drizzle-orm'
import { type Db, passPreconditions } from '../../db/client.ts'
import { keyAfter, type Page, type PageRequest, pageOf } from '../../db/pages.ts'
import type { Ctx } from '../../http/context.ts'
import { sha256 } from '../../lib/digests.ts'
import { hitsOf, type Snippet, scoreOf, snippetOf } from '../../lib/search-hits.ts'
import { type Term, termsOf, toMatch } from '../../lib/search-terms.ts'

/** The newest that fit are ranked: so many messages, and so many titles. */
const MESSAGES = 250
const TITLES = 50
/** Text that is read to rank them, in characters. Of what is left when it is used up only the beginning is. */
const TEXT = 1_000_000
const BEGINNING = 1_000
/** A title says in a few words what it is all about. */
const TITLE_WEIGHT = 2

/** What was found: a message, or a conversation by its title. */
export type Found = {
  conversationId: string
  title: string | null
  messageId: string | null
  role: 'user' | 'assistant' | null
  createdAt: Date
  snippet: Snippet
}

type Ranked = Found & { id: string; score: number }

/**
 * One page of the caller's messages and titles that have every word of `q` in them, the best first and then the newest.
 * Nothing for a query without a word. All of it is ranked anew for each page, among those that were there at the first.
 * @throws AppError `validation_failed` for a foreign cursor
 */
export async function search({ db, user }: Ctx, { q, ...page }: PageRequest & { q: string }): Promise<Page<Found>> {
  const terms = termsOf(q)
  const list = `search:${(await sha256(toMatch(terms))).slice(0, 22)}`
  const after = keyAfter(page, list, ['number', 'string', 'number', 'number'])
  if (terms.length === 0) {
    await passPreconditions(db)
    return { items: [], next: undefined }
  }
  const [, , upToMessage, upToTitle] = after ?? [0, '', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
  const match = `owner:"${user.id.replaceAll('-', '')}" AND text:(${toMatch(terms)})`
  const [messages, titles] = await db.batch([
    selectMessages(db, user.id, match, upToMessage),
    selectTitles(db, user.id, match, upToTitle),
  ])
  const ranked = [
    ...messages.map((row) => ranking({ ...row, messageId: row.id }, row.text, terms)),
    ...titles.map((row) => ranking({ ...row, messageId: null, role: null }, row.text, terms, TITLE_WEIGHT)),
  ]
  const rest = ranked.sort(byRank).filter((each) => !after || byRank({ score: after[0], id: after[1] }, each) < 0)
  const newest = [after?.[2] ?? messages[0]?.place ?? 0, after?.[3] ?? titles[0]?.place ?? 0]
  return pageOf(rest.slice(0, page.limit + 1), page, list, ({ score, id }) => [score, id, ...newest])
}

const byRank = (a: Pick<Ranked, 'score' | 'id'>, b: Pick<Ranked, 'score' | 'id'>) =>
  b.score - a.score || Number(a.id < b.id) - Number(a.id > b.id)

type Row = Omit<Found, 'snippet' | 'createdAt'> & { id: string; createdAt: number }

function ranking({ createdAt, ...row }: Row, text: string, terms: Term[], weight = 1): Ranked {
  const found = hitsOf(text, terms)
  const score = weight * scoreOf(found, terms)
  return { ...row, createdAt: new Date(createdAt), score, snippet: snippetOf(text, found.hits) }
}

/**
 * Statements for the newest that fit. Whose they are is part of the query of FTS5, which so meets nobody else's; `bm25`
 * would read the whole table. D1 binds numbers as REAL, by which FTS5 would not seek. `CROSS` keeps the order of the loops: the
 * planner would begin with all that the user has.
 */
const selectMessages = (db: Db, userId: string, match: string, upTo: number) =>
  db
    .select({
      id: sql<string>`id`,
      place: sql<number>`place`,
      conversationId: sql<string>`conversation_id`,
      title: sql<string | null>`title`,
      role: sql<'user' | 'assistant'>`role`,
      createdAt: sql<number>`created_at`,
      text: sql<string>`iif(total <= ${TEXT}, content, substr(content, 1, ${BEGINNING}))`.as('text'),
    })
    .from(sql`(
      SELECT m.id, m.rowid AS place, m.conversation_id, c.title, m.role, m.created_at, m.content,
        sum(length(m.content)) OVER (ORDER BY m.rowid DESC) AS total
      FROM (SELECT rowid AS place FROM message_search
            WHERE message_search MATCH ${match} AND rowid <= CAST(${upTo} AS INTEGER) ORDER BY rowid DESC LIMIT ${MESSAGES}) f
      CROSS JOIN messages m ON m.rowid = f.place
      CROSS JOIN conversations c ON c.id = m.conversation_id AND c.user_id = ${userId} AND c.state <> 'temporary')`)
    .orderBy(sql`place DESC`)

const selectTitles = (db: Db, userId: string, match: string, upTo: number) =>
  db
    .select({
      id: sql<string>`id`,
      place: sql<number>`place`,
      conversationId: sql<string>`id`.as('conversation_id'),
      title: sql<string>`title`,
      createdAt: sql<number>`created_at`,
      text: sql<string>`title`.as('text'),
    })
    .from(sql`(
      SELECT c.id, c.rowid AS place, c.title, c.created_at
      FROM (SELECT rowid AS place FROM title_search
            WHERE title_search MATCH ${match} AND rowid <= CAST(${upTo} AS INTEGER) ORDER BY rowid DESC LIMIT ${TITLES}) f
      CROSS JOIN conversations c ON c.rowid = f.place AND c.user_id = ${userId} AND c.state <> 'temporary')`)
    .orderBy(sql`place DESC`)
