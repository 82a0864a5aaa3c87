import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type {
  CancelReason,
  ContextReport,
  FinishReason,
  Reserved,
  RunStatus,
  Usage,
  Warning,
} from '../../lib/run-events.ts'
import { id, json, moment } from '../columns.ts'
import { users } from './users.ts'

/**
 * `title` writes the title of a conversation, for the user who has it; nobody watches it. `gateway` answers a request to
 * `/v1`, and `channel` is what a chatbot says in a channel.
 */
export const RUN_KINDS = ['reply', 'title', 'gateway', 'channel'] as const

/** One try at an upstream: what was asked, what came of it, how long it took in milliseconds. */
export type Attempt = { upstream: string; model: string; status: string; ms: number }

/** One generation of one reply (docs/runs.md). A terminal status never changes. */
export const runs = sqliteTable(
  'runs',
  {
    id: id(),
    kind: text({ enum: RUN_KINDS }).notNull(),
    userId: text()
      .notNull()
      .references(() => users.id),
    /** Through which key and chatbot, if any, and how the chatbot answered then. */
    apiKeyId: text(),
    chatbotId: text(),
    chatbotVersion: integer(),
    /** Of what a chatbot says in a channel: where, and the message that it answers, once. */
    channelId: text(),
    triggerKey: text(),
    /** The next four are null for kinds without a conversation, and for a run that no Durable Object owns. */
    conversationId: text(),
    userMessageId: text(),
    messageId: text(),
    /** Name of the Durable Object that owns it. */
    runner: text(),
    status: text().$type<RunStatus>().notNull(),
    finishReason: text().$type<FinishReason>(),
    cancelReason: text().$type<CancelReason>(),
    errorCode: text(),
    errorMessage: text(),
    retryable: integer({ mode: 'boolean' }),
    model: text().notNull(),
    attempts: json<Attempt[]>(),
    context: json<ContextReport>().notNull(),
    warnings: json<Warning[]>().notNull(),
    /** Null for runs of before there were quotas. */
    reserved: json<Reserved>(),
    usage: json<Usage>(),
    /** Past it nobody may be working on the run any more; recovery asks its Runner. */
    leaseUntil: moment().notNull(),
    lastSeq: integer(),
    /** What a request to the gateway asked for, so that one which is sent again by itself is known. */
    fingerprint: text(),
    createdAt: moment().notNull(),
    endedAt: moment(),
  },
  (table) => [
    uniqueIndex('runs_one_active').on(table.conversationId).where(sql`status = 'in_progress' AND kind = 'reply'`),
    index('runs_lease').on(table.leaseUntil).where(sql`status = 'in_progress'`),
    index('runs_conversation').on(table.conversationId),
    index('runs_user').on(table.userId, table.id),
    uniqueIndex('runs_trigger').on(table.triggerKey).where(sql`trigger_key IS NOT NULL`),
    index('runs_channel').on(table.channelId).where(sql`status = 'in_progress' AND channel_id IS NOT NULL`),
    index('runs_fingerprint').on(table.fingerprint, table.id).where(sql`fingerprint IS NOT NULL`),
  ],
)
