/** The newest public channels that have not banned `?1`, at most `?2`. */
const SELECT_NEWEST = `SELECT c.id FROM channels AS c
WHERE c.visibility = 'public' AND c.kind = 'channel' AND c.deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM channel_bans AS b WHERE b.channel_id = c.id AND b.user_id = ?1)
ORDER BY c.id DESC LIMIT CAST(?2 AS INTEGER)`

/** Of the channels `?2`, ids as JSON, those that `?1` may still look at. */
const SELECT_OPEN = `SELECT c.id FROM json_each(?2) AS wanted
CROSS JOIN channels AS c ON c.id = wanted.value
WHERE c.visibility = 'public' AND c.kind = 'channel' AND c.deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM channel_bans AS b WHERE b.channel_id = c.id AND b.user_id = ?1)`

/**
 * The public channels that sockets of contract 3 see without membership. They are kept through hibernation, so that who wakes is told
 * at once, and no longer than the sockets: what a channel becomes meanwhile nobody would tell.
 */
export class Guests {
  readonly #sql: SqlStorage
  readonly #d1: D1Database

  constructor(sql: SqlStorage, d1: D1Database) {
    this.#sql = sql
    this.#d1 = d1
    sql.exec(`CREATE TABLE IF NOT EXISTS guest_channels (user_id TEXT NOT NULL, channel_id TEXT NOT NULL,
        PRIMARY KEY (user_id, channel_id)) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS guest_channels_by_channel ON guest_channels (channel_id)`)
  }

  /** What a user looks at. */
  of(userId: string): string[] {
    return this.#sql
      .exec<{ channel_id: string }>('SELECT channel_id FROM guest_channels WHERE user_id = ?', userId)
      .toArray()
      .map(({ channel_id }) => channel_id)
  }

  add(userId: string, channelId: string): void {
    this.#sql.exec('INSERT OR IGNORE INTO guest_channels VALUES (?, ?)', userId, channelId)
  }

  /** A user looks at these channels, and at no others. */
  replace(userId: string, channelIds: string[]): void {
    const ids = JSON.stringify(channelIds)
    this.#sql.exec(
      'DELETE FROM guest_channels WHERE user_id = ? AND channel_id NOT IN (SELECT value FROM json_each(?))',
      userId,
      ids,
    )
    this.#sql.exec('INSERT OR IGNORE INTO guest_channels SELECT ?, value FROM json_each(?)', userId, ids)
  }

  remove(userId: string, channelId: string): void {
    this.#sql.exec('DELETE FROM guest_channels WHERE user_id = ? AND channel_id = ?', userId, channelId)
  }

  /** Nobody looks at a channel any more. */
  close(channelId: string): void {
    this.#sql.exec('DELETE FROM guest_channels WHERE channel_id = ?', channelId)
  }

  /** The last socket of contract 3 of a user has gone. */
  forget(userId: string): void {
    this.#sql.exec('DELETE FROM guest_channels WHERE user_id = ?', userId)
  }

  /** Only these users have a socket of contract 3. */
  keepOnly(userIds: string[]): void {
    this.#sql.exec(
      'DELETE FROM guest_channels WHERE user_id NOT IN (SELECT value FROM json_each(?))',
      JSON.stringify(userIds),
    )
  }

  async newest(userId: string, limit: number): Promise<string[]> {
    return idsOf(await this.#d1.prepare(SELECT_NEWEST).bind(userId, limit).all<{ id: string }>())
  }

  /** Those of these channels that are open to a user who is not in them. */
  async open(userId: string, channelIds: string[]): Promise<Set<string>> {
    if (channelIds.length === 0) return new Set()
    const bound = this.#d1.prepare(SELECT_OPEN).bind(userId, JSON.stringify(channelIds))
    return new Set(idsOf(await bound.all<{ id: string }>()))
  }
}

const idsOf = ({ results }: D1Result<{ id: string }>): string[] => results.map(({ id }) => id)
