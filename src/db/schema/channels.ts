import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { id, json, moment } from '../columns.ts'
import { files } from './files.ts'

export const CHANNEL_KINDS = ['channel', 'direct'] as const
export const VISIBILITIES = ['public', 'private'] as const
export const MEMBER_ROLES = ['owner', 'moderator', 'member'] as const
export const MEMBER_KINDS = ['user', 'chatbot'] as const

/**
 * Only its own Durable Object writes a channel, but for making it. `lastSeq` is the number of its newest event; `epoch` changes
 * by an operator after a restore of the database, and makes every client start anew.
 */
export const channels = sqliteTable(
  'channels',
  {
    id: id(),
    kind: text({ enum: CHANNEL_KINDS }).notNull(),
    visibility: text({ enum: VISIBILITIES }).notNull(),
    name: text().notNull(),
    description: text(),
    ownerId: text().notNull(),
    /** Of a direct channel: the sorted ids of its members. */
    directKey: text().unique('channels_direct_key'),
    epoch: integer().notNull().default(1),
    lastSeq: integer().notNull().default(0),
    /** Events below it are gone. */
    oldestSeq: integer().notNull().default(1),
    /** Seconds that a member waits between two messages. */
    slowModeS: integer().notNull().default(0),
    version: integer().notNull().default(1),
    createdAt: moment().notNull(),
    deletedAt: moment(),
  },
  (table) => [
    index('channels_public').on(table.id).where(sql`visibility = 'public' AND kind = 'channel' AND deleted_at IS NULL`),
    index('channels_deleted').on(table.deletedAt).where(sql`deleted_at IS NOT NULL`),
  ],
)

/** Each table that has it needs an index that begins with it: without one the end of a channel would look through all of the table. */
const channelId = () =>
  text()
    .notNull()
    .references(() => channels.id)

export const channelMembers = sqliteTable(
  'channel_members',
  {
    channelId: channelId(),
    memberId: text().notNull(),
    memberKind: text({ enum: MEMBER_KINDS }).notNull().default('user'),
    role: text({ enum: MEMBER_ROLES }).notNull(),
    mutedUntil: moment(),
    joinedAt: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.channelId, table.memberId] }),
    index('channel_members_member').on(table.memberId, table.channelId),
    uniqueIndex('channel_members_owner').on(table.channelId).where(sql`role = 'owner'`),
    index('channel_members_chatbots').on(table.channelId).where(sql`member_kind = 'chatbot'`),
  ],
)

/** Everything that members can see change, numbered without holes. It holds no text: a message is shown as it is now. */
export const channelEvents = sqliteTable(
  'channel_events',
  {
    channelId: channelId(),
    seq: integer().notNull(),
    type: text().notNull(),
    actorId: text(),
    messageId: text(),
    /** Of a command, so that its repetition makes no second event. Messages have their nonce. */
    commandId: text(),
    payload: json<EventPayload>(),
    createdAt: moment().notNull(),
  },
  (table) => [
    // The fence: of two writers of one channel the later fails here.
    uniqueIndex('channel_events_seq').on(table.channelId, table.seq),
    uniqueIndex('channel_events_command').on(table.channelId, table.commandId).where(sql`command_id IS NOT NULL`),
  ],
)

/**
 * What an event tells beside its message: whom it is about and what they are, an emoji and how often it is there, or the run that
 * failed, if it began, and why.
 */
export type EventPayload = {
  user_id?: string
  kind?: 'chatbot'
  role?: string | null
  muted_until?: number | null
  emoji?: string
  count?: number
  run_id?: string | null
  code?: string
}

export const channelMessages = sqliteTable(
  'channel_messages',
  {
    id: id(),
    channelId: channelId(),
    seq: integer().notNull(),
    authorId: text().notNull(),
    authorKind: text({ enum: MEMBER_KINDS }).notNull().default('user'),
    /** Made by the sender, so that a repeated send is one message, at any age. */
    nonce: text().notNull(),
    /** SHA-256 of what was sent under the nonce. */
    sendHash: text().notNull(),
    /** Null once it is deleted. */
    content: text(),
    /** Ids of the members that it names; `*` is everybody. */
    mentions: json<string[]>().notNull().default(sql`'[]'`),
    attachments: json<StoredAttachment[]>().notNull().default(sql`'[]'`),
    /** The message that it replies to, which itself is no reply. */
    threadId: text(),
    replyCount: integer().notNull().default(0),
    lastReplyAt: moment(),
    reactionCounts: json<Record<string, number>>().notNull().default(sql`'{}'`),
    pinnedAt: moment(),
    pinnedBy: text(),
    version: integer().notNull().default(1),
    editedAt: moment(),
    deletedAt: moment(),
    deletedBy: text(),
    createdAt: moment().notNull(),
  },
  (table) => [
    uniqueIndex('channel_messages_seq').on(table.channelId, table.seq),
    uniqueIndex('channel_messages_nonce').on(table.channelId, table.authorId, table.nonce),
    index('channel_messages_thread').on(table.threadId, table.seq).where(sql`thread_id IS NOT NULL`),
    index('channel_messages_pinned').on(table.channelId, table.pinnedAt).where(sql`pinned_at IS NOT NULL`),
  ],
)

/** A file as it was when it was attached. */
export type StoredAttachment = { id: string; name: string; mediaType: string; size: number }

/** What a message said before it was edited. */
export const channelMessageVersions = sqliteTable(
  'channel_message_versions',
  {
    messageId: text()
      .notNull()
      .references(() => channelMessages.id),
    version: integer().notNull(),
    content: text().notNull(),
    replacedAt: moment().notNull(),
  },
  (table) => [primaryKey({ columns: [table.messageId, table.version] })],
)

/** By this row a member may fetch a file that is not theirs. Triggers delete the file that the last one leaves (migrations/0013). */
export const channelAttachments = sqliteTable(
  'channel_attachments',
  {
    fileId: text()
      .notNull()
      .references(() => files.id),
    messageId: text()
      .notNull()
      .references(() => channelMessages.id),
    channelId: channelId(),
  },
  (table) => [
    primaryKey({ columns: [table.fileId, table.messageId] }),
    index('channel_attachments_message').on(table.messageId),
    index('channel_attachments_channel').on(table.channelId),
  ],
)

/** Who is named where; `*` stands for everybody. */
export const channelMentions = sqliteTable(
  'channel_mentions',
  {
    channelId: channelId(),
    memberId: text().notNull(),
    seq: integer().notNull(),
    messageId: text().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.memberId, table.channelId, table.seq] }),
    index('channel_mentions_message').on(table.messageId),
    index('channel_mentions_channel').on(table.channelId),
  ],
)

export const reactions = sqliteTable(
  'reactions',
  {
    messageId: text()
      .notNull()
      .references(() => channelMessages.id),
    userId: text().notNull(),
    emoji: text().notNull(),
    channelId: channelId(),
    createdAt: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.messageId, table.userId, table.emoji] }),
    index('reactions_by_emoji').on(table.messageId, table.emoji, table.userId),
    index('reactions_channel').on(table.channelId),
  ],
)

export const channelBans = sqliteTable(
  'channel_bans',
  {
    channelId: channelId(),
    userId: text().notNull(),
    reason: text(),
    createdBy: text().notNull(),
    createdAt: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.channelId, table.userId] }),
    index('channel_bans_listed').on(table.channelId, table.createdAt, table.userId),
    index('channel_bans_user').on(table.userId),
  ],
)

/** Of those who left while they were muted: who comes back is so still. */
export const channelMutes = sqliteTable(
  'channel_mutes',
  {
    userId: text().notNull(),
    channelId: channelId(),
    until: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.channelId] }),
    index('channel_mutes_channel').on(table.channelId),
  ],
)

export const channelInvites = sqliteTable(
  'channel_invites',
  {
    id: id(),
    channelId: channelId(),
    codeHash: text().notNull().unique('channel_invites_code'),
    createdBy: text().notNull(),
    expiresAt: moment(),
    maxUses: integer(),
    uses: integer().notNull().default(0),
    revokedAt: moment(),
    createdAt: moment().notNull(),
  },
  (table) => [index('channel_invites_listed').on(table.channelId, table.id)],
)

/** Up to where a user has read a channel. It only moves forward. */
export const readState = sqliteTable(
  'read_state',
  {
    userId: text().notNull(),
    channelId: channelId(),
    readSeq: integer().notNull(),
    updatedAt: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.channelId] }),
    index('read_state_channel').on(table.channelId),
  ],
)
