import { index, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { id, json, moment } from '../columns.ts'

export const AUDIT_TARGETS = ['user', 'conversation', 'channel', 'chatbot', 'api_key'] as const

/** Append-only. It outlives whom it names, so it has no foreign keys; it never holds content or secrets. */
export const auditLog = sqliteTable(
  'audit_log',
  {
    id: id(),
    at: moment().notNull(),
    /** Null for what an operator's command did. */
    actorId: text(),
    action: text().$type<AuditAction>().notNull(),
    targetType: text({ enum: AUDIT_TARGETS }).notNull(),
    targetId: text().notNull(),
    /** Names of the changed fields, without their values. */
    fields: json<string[]>().notNull(),
    outcome: text({ enum: ['done', 'refused'] }).notNull(),
    requestId: text(),
  },
  (table) => [
    index('audit_log_actor').on(table.actorId, table.id),
    index('audit_log_target').on(table.targetId, table.id),
    index('audit_log_action').on(table.action, table.id),
  ],
)

export const AUDIT_ACTIONS = [
  'user.created',
  'user.updated',
  'user.role_changed',
  'user.plan_changed',
  'user.disabled',
  'user.enabled',
  'user.deleted',
  'user.exported',
  'user.conversations_listed',
  'user.conversations_exported',
  'conversation.read',
  'conversation.exported',
  'channel.user_banned',
  'channel.user_unbanned',
  'channel.deleted',
  'chatbot.read',
  'chatbot.deleted',
  'user.chatbots_listed',
  'api_key.created',
  'api_key.rotated',
  'api_key.revoked',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]
