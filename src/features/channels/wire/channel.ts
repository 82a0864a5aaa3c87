import { toTimestamp } from '../../../lib/timestamps.ts'
import type { ChannelJson, PersonJson } from '../event-rows.ts'
import type {
  BannedUser,
  Channel,
  ChannelWithExceptions,
  Invite,
  Person,
  PushedChannel,
  ReadState,
  Unread,
} from '../schemas/channel.ts'

/** A channel with what is the viewer's own. */
export type ViewedChannel = ChannelJson & { role: 'owner' | 'moderator' | 'member' | null; read_seq: number | null }

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toPushedChannel = (row: ChannelJson): PushedChannel => ({
  id: row.id,
  name: row.name,
  description: row.description,
  owner_id: row.owner_id,
  created_at: toTimestamp(row.created_at),
  kind: row.kind,
  visibility: row.visibility,
  slow_mode_s: row.slow_mode_s,
  epoch: row.epoch,
  last_seq: row.last_seq,
})

export const toChannel = (row: ViewedChannel): Channel => ({
  ...toPushedChannel(row),
  role: row.role,
  read_seq: row.read_seq ?? 0,
})

export const toPerson = ({ id, username, display_name, kind }: PersonJson): Person => ({
  id,
  username,
  display_name,
  kind,
})

type Banned = { id: string; username: string | null; displayName: string; reason: string | null; createdAt: number }

export const toBannedUser = ({ id, username, displayName, reason }: Banned): BannedUser => ({
  id,
  username,
  display_name: displayName,
  reason,
})

export const toChannelWithExceptions = ({
  channel,
  bans,
}: {
  channel: ViewedChannel
  bans: Banned[]
}): ChannelWithExceptions => ({
  ...toChannel(channel),
  member_exceptions: bans.map(({ id, createdAt }) => ({ user_id: id, created_at: toTimestamp(createdAt) })),
})

type InviteRow = { id: string; expiresAt: Date | null; maxUses: number | null; uses: number; createdAt: Date }

export const toInvite = (row: InviteRow): Invite => ({
  id: row.id,
  expires_at: toTimestamp(row.expiresAt),
  max_uses: row.maxUses,
  uses: row.uses,
  created_at: toTimestamp(row.createdAt),
})

type Counted = { channelId: string; head: number; readSeq: number; unread: number; mentions: number }

export const toReadState = ({ readSeq, unread, mentions }: Counted): ReadState => ({
  read_seq: readSeq,
  unread,
  unread_mentions: mentions,
})

export const toUnread = (row: Counted): Unread => ({
  channel_id: row.channelId,
  head: row.head,
  ...toReadState(row),
})
