/** What the client has seen of the database, which it sends back. */
export const BOOKMARK = 'x-d1-bookmark'

/** Whether a request changes nothing. */
export const changesNothing = (method: string): boolean => method === 'GET' || method === 'HEAD'

/** A place in the history of the database, as D1 writes it. */
const PLACE = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/

/**
 * What a client is given in place of a bookmark when it has changed something: what Durable Objects have written for it is in no session
 * of the Worker's, so that its next read begins at the primary.
 */
export const PRIMARY = 'first-primary'

/**
 * The database as a client may see it that has seen it at `bookmark`: a read may come from any copy that is as new as that. Without one, or
 * before a write, the first statement goes to the primary, so that nobody misses what they have just written.
 */
export const openSession = (d1: D1Database, bookmark: string | undefined, mayCopy: boolean): D1DatabaseSession =>
  d1.withSession(mayCopy && bookmark !== undefined && PLACE.test(bookmark) ? bookmark : PRIMARY)
