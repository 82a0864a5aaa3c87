/** A channel that a user is in, and up to where they have read it. */
export type Membership = { channel_id: string; read_seq: number }

type Row = Membership & { user_id: string }

/** For so long a list is believed; what changes meanwhile is told. */
const FRESH_MS = 600_000
const USERS_AT_ONCE = 100

/** Takes `?1`, ids as JSON: their channels. */
const SELECT = `
SELECT m.member_id AS user_id, m.channel_id, coalesce(r.read_seq, 0) AS read_seq
FROM json_each(?1) AS wanted
CROSS JOIN channel_members AS m ON m.member_id = wanted.value
CROSS JOIN channels AS c ON c.id = m.channel_id AND c.deleted_at IS NULL
LEFT JOIN read_state AS r ON r.user_id = m.member_id AND r.channel_id = m.channel_id`

/**
 * Which channels the users of a shard are in. It is kept through hibernation and restarts, so that a storm of reconnects does not
 * reach D1; channels tell what changes.
 */
export class Memberships {
  readonly #storage: DurableObjectStorage
  readonly #d1: D1Database
  readonly #revisions = new Map<string, number>()
  #changes = 0
  /** The revision of those of whom none is kept. */
  #cleared = 0
  #gathering: { userIds: Set<string>; read: Promise<void> } | undefined
  #reading: Promise<void> = Promise.resolve()

  constructor(storage: DurableObjectStorage, d1: D1Database) {
    this.#storage = storage
    this.#d1 = d1
    storage.sql.exec(`CREATE TABLE IF NOT EXISTS users (user_id TEXT PRIMARY KEY, loaded_at INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS user_channels (user_id TEXT NOT NULL, channel_id TEXT NOT NULL, read_seq INTEGER NOT NULL,
        PRIMARY KEY (user_id, channel_id)) WITHOUT ROWID`)
  }

  /** The channels of a user; from D1 when what is known is old. */
  async of(userId: string): Promise<Membership[]> {
    const [user] = this.#storage.sql
      .exec<{ loaded_at: number }>('SELECT loaded_at FROM users WHERE user_id = ?', userId)
      .toArray()
    if (!user || Date.now() - user.loaded_at > FRESH_MS) await this.#load(userId)
    return this.known(userId)
  }

  /** The channels of a user, as far as they are known. */
  known(userId: string): Membership[] {
    return this.#storage.sql
      .exec<Membership>('SELECT channel_id, read_seq FROM user_channels WHERE user_id = ?', userId)
      .toArray()
  }

  /** Whether a user is in a channel, as far as is known. */
  isMember(userId: string, channelId: string): boolean {
    const rows = this.#storage.sql.exec(
      'SELECT 1 FROM user_channels WHERE user_id = ? AND channel_id = ?',
      userId,
      channelId,
    )
    return rows.toArray().length > 0
  }

  /** A user has come into a channel. */
  add(userId: string, channelId: string): void {
    this.#changed(userId)
    // Of a user who is not known here nothing is: their whole list is read when they come.
    this.#storage.sql.exec(
      'INSERT OR IGNORE INTO user_channels SELECT user_id, ?, 0 FROM users WHERE user_id = ?',
      channelId,
      userId,
    )
  }

  /** A user is in a channel no more. */
  remove(userId: string, channelId: string): void {
    this.#changed(userId)
    this.#storage.sql.exec('DELETE FROM user_channels WHERE user_id = ? AND channel_id = ?', userId, channelId)
  }

  /** What is known of these users is not believed any more. */
  doubt(userIds: string[]): void {
    for (const userId of userIds) {
      this.#changed(userId)
      this.expire(userId)
    }
  }

  /** The list of a user is to be read anew, though nothing has changed that it was read without. */
  expire(userId: string): void {
    this.#storage.sql.exec('UPDATE users SET loaded_at = 0 WHERE user_id = ?', userId)
  }

  isDoubted(userId: string): boolean {
    const doubted = 'SELECT 1 FROM users WHERE user_id = ? AND loaded_at = 0'
    return this.#storage.sql.exec(doubted, userId).toArray().length > 0
  }

  setRead(userId: string, channelId: string, seq: number): void {
    this.#storage.sql.exec(
      'UPDATE user_channels SET read_seq = max(read_seq, ?) WHERE user_id = ? AND channel_id = ?',
      seq,
      userId,
      channelId,
    )
  }

  /** Of these users those whose lists are to be read anew. */
  stale(userIds: Iterable<string>): string[] {
    const old = Date.now() - FRESH_MS
    const rows = this.#storage.sql.exec<{ user_id: string }>(
      'SELECT user_id FROM users WHERE loaded_at < ? AND user_id IN (SELECT value FROM json_each(?))',
      old,
      JSON.stringify([...userIds]),
    )
    return rows.toArray().map(({ user_id }) => user_id)
  }

  /** Forgets users who have not been here for long. */
  forget(present: Iterable<string>): void {
    const old = Date.now() - FRESH_MS
    const gone = 'loaded_at < ? AND user_id NOT IN (SELECT value FROM json_each(?))'
    const here = JSON.stringify([...present])
    this.#storage.sql.exec(
      `DELETE FROM user_channels WHERE user_id IN (SELECT user_id FROM users WHERE ${gone})`,
      old,
      here,
    )
    this.#storage.sql.exec(`DELETE FROM users WHERE ${gone}`, old, here)
    if (this.#revisions.size <= 10_000) return
    this.#revisions.clear()
    this.#cleared = ++this.#changes
  }

  /** A number that changes with each coming, going or doubt of a user. */
  #revisionOf(userId: string): number {
    return this.#revisions.get(userId) ?? this.#cleared
  }

  #changed(userId: string): void {
    this.#revisions.set(userId, ++this.#changes)
  }

  /** Those who come while a query is under way are read in the following one, all at once. */
  #load(userId: string): Promise<void> {
    if (!this.#gathering) {
      const userIds = new Set<string>()
      const read = this.#reading.then(() => {
        this.#gathering = undefined
        return this.#query([...userIds])
      })
      this.#reading = read.catch(() => {})
      this.#gathering = { userIds, read }
    }
    this.#gathering.userIds.add(userId)
    return this.#gathering.read
  }

  async #query(userIds: string[]): Promise<void> {
    for (let at = 0; at < userIds.length; at += USERS_AT_ONCE)
      await this.#querySome(userIds.slice(at, at + USERS_AT_ONCE))
  }

  async #querySome(userIds: string[]): Promise<void> {
    const before = userIds.map((id) => this.#revisionOf(id))
    const { results } = await this.#d1.prepare(SELECT).bind(JSON.stringify(userIds)).all<Row>()
    const unchanged = userIds.filter((id, at) => this.#revisionOf(id) === before[at])
    this.#store(unchanged, results)
    const changed = userIds.filter((id) => !unchanged.includes(id))
    // Somebody came or went while it was read.
    if (changed.length > 0) await this.#querySome(changed)
  }

  #store(userIds: string[], rows: Row[]): void {
    const ids = JSON.stringify(userIds)
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage
      sql.exec('DELETE FROM user_channels WHERE user_id IN (SELECT value FROM json_each(?))', ids)
      sql.exec('INSERT OR REPLACE INTO users SELECT value, ? FROM json_each(?)', Date.now(), ids)
      const of = new Set(userIds)
      for (const row of rows) {
        if (!of.has(row.user_id)) continue
        sql.exec('INSERT INTO user_channels VALUES (?, ?, ?)', row.user_id, row.channel_id, row.read_seq)
      }
    })
  }
}
