import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { KeyKind } from '../../lib/api-keys.ts'
import { id, json, moment } from '../columns.ts'
import { users } from './users.ts'

/** A model that a user has made: how it answers is in its versions, of which the row names the one that holds. */
export const chatbots = sqliteTable(
  'chatbots',
  {
    id: id(),
    userId: text()
      .notNull()
      .references(() => users.id),
    name: text().notNull(),
    /** Lower-cased before it gets here. Others mention it by this name in channels. */
    handle: text().unique('chatbots_handle'),
    version: integer().notNull().default(1),
    createdAt: moment().notNull(),
    updatedAt: moment().notNull(),
    /** Since then its keys open nothing; its keys and versions stay, since runs name them. */
    deletedAt: moment(),
  },
  (table) => [
    index('chatbots_user').on(table.userId, table.id).where(sql`deleted_at IS NULL`),
    index('chatbots_live').on(table.id).where(sql`deleted_at IS NULL`),
    index('chatbots_gone').on(table.deletedAt).where(sql`deleted_at IS NOT NULL`),
    index('chatbots_deleted').on(table.userId, table.id).where(sql`deleted_at IS NOT NULL`),
  ],
)

/** Another place to ask, with the name that the model has there. */
export type Fallback = { llm_endpoint_url: string; model: string | null }

/** How a chatbot answers. Append-only, so that a run can name what it was made with. */
export const chatbotVersions = sqliteTable(
  'chatbot_versions',
  {
    chatbotId: text()
      .notNull()
      .references(() => chatbots.id),
    version: integer().notNull(),
    /** Base URL of an OpenAI-compatible server; null for a model that is served here. */
    llmEndpointUrl: text(),
    /** Name of the model at the endpoint, or of one served here; null for the default. */
    model: text(),
    /** Asked in this order when the endpoint fails before it has said anything. */
    fallbacks: json<Fallback[]>().notNull(),
    instructions: text(),
    temperature: real(),
    /** Window and longest answer, in tokens; null for what the model has, or for cautious numbers at an endpoint. */
    contextTokens: integer(),
    maxOutputTokens: integer(),
    internetEnabled: integer({ mode: 'boolean' }).notNull(),
    /** Ids of files of the owner's; what is deleted since is left out. */
    files: json<string[]>().notNull(),
    createdAt: moment().notNull(),
  },
  (table) => [primaryKey({ columns: [table.chatbotId, table.version] })],
)

/** What an endpoint of a chatbot wants as its key, sealed for this chatbot and this origin (lib/sealed-secrets.ts). */
export const chatbotSecrets = sqliteTable(
  'chatbot_secrets',
  {
    chatbotId: text()
      .notNull()
      .references(() => chatbots.id),
    origin: text().notNull(),
    sealed: text().notNull(),
    createdAt: moment().notNull(),
  },
  (table) => [primaryKey({ columns: [table.chatbotId, table.origin] })],
)

export const KEY_SCOPES = ['chat', 'models', 'runs', 'chat:public'] as const
export type KeyScope = (typeof KEY_SCOPES)[number]

/** What opens a chatbot to clients of OpenAI's API. Only a hash of the key is stored; rows stay when a key is revoked. */
export const apiKeys = sqliteTable(
  'api_keys',
  {
    id: id(),
    chatbotId: text()
      .notNull()
      .references(() => chatbots.id),
    /** The owner of the chatbot, who pays. */
    userId: text()
      .notNull()
      .references(() => users.id),
    /** Of the first key of a row of rotations: they share a cap, their runs, and what was asked before. */
    familyId: text().notNull(),
    rotatedFrom: text(),
    kind: text().$type<KeyKind>().notNull(),
    /** SHA-256 of the whole key, base64url. */
    hash: text().notNull().unique('api_keys_hash'),
    prefix: text().notNull(),
    lastFour: text().notNull(),
    name: text().notNull(),
    scopes: json<KeyScope[]>().notNull(),
    /** Models served here that it opens besides its chatbot. */
    models: json<string[]>().notNull(),
    allowedOrigins: json<string[]>().notNull(),
    /** Requests a minute, below those of the plan; null for no limit of its own. */
    rpm: integer(),
    monthlyTokenCap: integer(),
    expiresAt: moment(),
    revokedAt: moment(),
    /** Cut to the minute. */
    lastUsedAt: moment(),
    createdAt: moment().notNull(),
  },
  (table) => [
    index('api_keys_chatbot').on(table.chatbotId, table.id),
    index('api_keys_unrevoked').on(table.chatbotId).where(sql`revoked_at IS NULL`),
    index('api_keys_family').on(table.familyId),
    index('api_keys_user').on(table.userId),
  ],
)
