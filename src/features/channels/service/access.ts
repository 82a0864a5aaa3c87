import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { AppError, notFound } from '../../../http/errors.ts'
import { channelOf } from '../event-rows.ts'
import type { ViewedChannel } from '../wire/channel.ts'

/** A channel with what is the viewer's own in it. */
export type View = ViewedChannel & { version: number; ban: { reason: string | null } | null }

/** That a user moderates a channel. */
export const moderates = (userId: string, channelId: string): SQL => sql`EXISTS (
  SELECT 1 FROM channel_members mm JOIN channels mc ON mc.id = mm.channel_id AND mc.deleted_at IS NULL
  WHERE mm.channel_id = ${channelId} AND mm.member_id = ${userId} AND mm.role <> 'member' AND mc.kind = 'channel')`

const viewColumns = (userId: string) => ({
  channel: sql<string>`${sql.raw(channelOf('a.member_id'))}`.as('channel'),
  version: sql<number>`c.version`.as('version'),
  role: sql<View['role']>`a.role`.as('role'),
  readSeq: sql<number | null>`r.read_seq`.as('read_seq'),
  ban: sql<string | null>`(SELECT json_object('reason', b.reason) FROM channel_bans b
    WHERE b.channel_id = c.id AND b.user_id = ${userId})`.as('ban'),
})

/** Statement for channels of `source`, a table expression that is called `c`, as a user sees them. */
export const selectViews = (db: Db, userId: string, source: SQL) =>
  db
    .select(viewColumns(userId))
    .from(sql`${source}
      LEFT JOIN channel_members a ON a.channel_id = c.id AND a.member_id = ${userId}
      LEFT JOIN read_state r ON r.channel_id = c.id AND r.user_id = ${userId}`)
    .$dynamic()

type ViewRow = Awaited<ReturnType<typeof selectViews>>[number]

export const toView = ({ channel, version, role, readSeq, ban }: ViewRow): View => ({
  ...JSON.parse(channel),
  version,
  role,
  read_seq: readSeq,
  ban: ban === null ? null : JSON.parse(ban),
})

/** Statement for one channel as a user sees it, also when they may not. */
export const selectView = (db: Db, userId: string, channelId: string) =>
  selectViews(db, userId, sql`(SELECT * FROM channels WHERE id = ${channelId} AND deleted_at IS NULL) c`)

/**
 * The channel that was found, if its viewer may see it.
 * @throws AppError `not_found`, also of a private one that the viewer is no member of, `banned`
 */
export function seen(rows: ViewRow[]): View {
  const view = rows[0] && toView(rows[0])
  if (!view || (view.role === null && (view.visibility === 'private' || view.kind === 'direct'))) throw notFound()
  if (view.ban)
    throw new AppError('banned', view.ban.reason ? `You are banned from this channel: ${view.ban.reason}` : undefined)
  return view
}

/** @throws AppError `not_found`, `banned`, `forbidden` for who does not moderate it */
export function moderated(rows: ViewRow[]): View {
  const view = seen(rows)
  if (view.kind === 'direct') throw new AppError('direct_channel')
  if (view.role !== 'owner' && view.role !== 'moderator') {
    throw new AppError('forbidden', 'This takes an owner or a moderator of the channel')
  }
  return view
}
