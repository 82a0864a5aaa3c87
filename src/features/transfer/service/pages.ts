import { and, asc, eq, getTableColumns, gt, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { conversations, messages, projects } from '../../../db/schema/index.ts'
import { attachmentsOf } from '../../files/service/attach.ts'

export type StoredConversation = typeof conversations.$inferSelect
export type StoredMessage = typeof messages.$inferSelect & { attachments: { id: string; name: string }[] }
export type StoredProject = typeof projects.$inferSelect

/** A conversation or a message of somebody's. */
export type Walked = { type: 'conversation'; row: StoredConversation } | { type: 'message'; row: StoredMessage }

/** That a conversation is kept: a temporary one is told to nobody. */
export const IS_KEPT = sql`state <> 'temporary'`

/** Rows of a page; of messages fewer when they are long. Each page is a seek in an index. */
const PROJECTS = 100
const CONVERSATIONS = 200
const MESSAGES = 1_000
/** What is stored for one page of messages, in bytes; the last of it may go beyond. */
const MESSAGES_SIZE = 1_000_000

/** How far one has got in a conversation: all up to the message `after`, which is `depth` deep. */
type Place = { id: string; depth: number; after: string }

/**
 * Somebody's conversations of a kind, by id, each followed by its messages of all branches, what was answered before the
 * answer. A page of about 1 MB is held at a time, and the next one read when that was taken. `kind` may use the columns of
 * a conversation.
 */
export async function* walkConversations(db: Db, userId: string, kind?: SQL): AsyncGenerator<Walked> {
  let page = await conversationsAfter(db, userId, '', kind)
  for (; page.length > 0; page = await conversationsAfter(db, userId, page.at(-1)!.id, kind)) {
    const untold = page.values()
    let next = untold.next().value
    for await (const message of messagesOf(db, page)) {
      for (; next && next.id <= message.conversationId; next = untold.next().value) {
        yield { type: 'conversation', row: next }
      }
      yield { type: 'message', row: message }
    }
    for (; next; next = untold.next().value) yield { type: 'conversation', row: next }
  }
}

async function* messagesOf(db: Db, page: StoredConversation[]): AsyncGenerator<StoredMessage> {
  let places: Place[] = page.map(({ id }) => ({ id, depth: 0, after: '' }))
  for (let rows = await messagesAfter(db, places); rows.length > 0; rows = await messagesAfter(db, places)) {
    yield* rows
    const { conversationId, depth, id } = rows.at(-1)!
    places = [{ id: conversationId, depth, after: id }, ...places.filter((place) => place.id > conversationId)]
  }
}

/** The user's projects of a kind after one of them, by id. `kind` may use the columns of a project. */
export const projectsAfter = (db: Db, userId: string, after: string, kind?: SQL) =>
  db
    .select()
    .from(projects)
    .where(and(eq(projects.userId, userId), gt(projects.id, after), kind))
    .orderBy(asc(projects.id))
    .limit(PROJECTS)

const conversationsAfter = (db: Db, userId: string, after: string, kind?: SQL): Promise<StoredConversation[]> =>
  db
    .select()
    .from(conversations)
    .where(and(eq(conversations.userId, userId), gt(conversations.id, after), kind))
    .orderBy(asc(conversations.id))
    .limit(CONVERSATIONS)

/**
 * Messages after these places, by conversation. One comes at least, and then as many as are not too much at once. The
 * first select comes in the order of its loops: told to sort, SQLite would read all that there is. That is also why it
 * stands apart, and why the order of the whole is one of expressions.
 */
const messagesAfter = (db: Db, places: Place[]): Promise<StoredMessage[]> =>
  db
    .select({ ...getTableColumns(messages), attachments: attachmentsOf(sql`messages.id`).as('attachments') })
    .from(messages)
    .where(
      sql`messages.id IN (
        WITH page AS MATERIALIZED (
          SELECT place.key AS nth, m.depth, m.id, octet_length(m.content) + coalesce(octet_length(m.sources), 0) AS size
          FROM json_each(${JSON.stringify(places)}) place CROSS JOIN messages m INDEXED BY messages_by_depth
            ON m.conversation_id = place.value->>'id'
              AND (m.depth, m.id) > (place.value->>'depth', place.value->>'after')
          LIMIT ${MESSAGES}
        )
        SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY nth, depth, id) - size AS before FROM page)
        WHERE before < ${MESSAGES_SIZE})`,
    )
    .orderBy(sql`+conversation_id, +depth, +messages.id`)
