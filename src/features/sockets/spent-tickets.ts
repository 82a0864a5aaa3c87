/** So long a ticket is good. */
export const TICKET_MS = 30_000

/**
 * What opens no socket, for as long as a ticket for it could be: tickets that were used, as each opens one socket, and sessions that
 * ended after theirs were issued.
 */
export class SpentTickets {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec('CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID')
  }

  /** True the first time. `expiresAt` is in milliseconds since 1970. */
  spend(id: string, expiresAt: number): boolean {
    return this.#sql.exec('INSERT OR IGNORE INTO tickets VALUES (?, ?)', id, expiresAt).rowsWritten > 0
  }

  /** What was issued so far for a session, or for a user, is worth nothing any more. */
  end(sessionOrUser: string, now: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO tickets VALUES (?, ?)', ended(sessionOrUser), now + TICKET_MS)
  }

  /** Whether one of these has ended since a ticket was issued, or since whoever has none was let in. */
  haveEnded(sessionsOrUsers: string[], expiresAt: number): boolean {
    const rows = this.#sql.exec(
      'SELECT 1 FROM tickets WHERE id IN (SELECT value FROM json_each(?)) AND expires_at >= ?',
      JSON.stringify(sessionsOrUsers.map(ended)),
      expiresAt,
    )
    return rows.toArray().length > 0
  }

  forget(now: number): void {
    this.#sql.exec('DELETE FROM tickets WHERE expires_at < ?', now)
  }
}

const ended = (sessionOrUser: string): string => `ended ${sessionOrUser}`
