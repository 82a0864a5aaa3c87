/** Tickets that were used, until they would have expired: each opens one socket. */
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

  forget(now: number): void {
    this.#sql.exec('DELETE FROM tickets WHERE expires_at < ?', now)
  }
}
