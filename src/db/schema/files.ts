import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { id, moment } from '../columns.ts'
import { messages } from './conversations.ts'
import { users } from './users.ts'

/** What lists filter by. */
export const FILE_KINDS = ['image', 'audio', 'video', 'text', 'document', 'archive', 'other'] as const
export type FileKind = (typeof FILE_KINDS)[number]

/** Whether a model can read its text. */
export const TEXT_STATUSES = ['processing', 'ready', 'failed'] as const

/**
 * A row is `pending` while its object is written to R2, then `ready`, and `deleted` until the object is gone. Only what is
 * `ready` exists for users. Triggers keep `storage_use` in step, and delete what the last message that had it leaves
 * (migrations/0011).
 */
export const files = sqliteTable(
  'files',
  {
    id: id(),
    userId: text()
      .notNull()
      .references(() => users.id),
    state: text({ enum: ['pending', 'ready', 'deleted'] }).notNull(),
    /** For display only. */
    name: text().notNull(),
    /** In bytes; what is held for it while it is pending. */
    size: integer().notNull(),
    /** Media type by its bytes, and what lists call that; what nobody has looked at yet is `other`. */
    mediaType: text().notNull(),
    kind: text({ enum: FILE_KINDS }).notNull(),
    /** SHA-256 of its bytes, in hex; null while it is pending. */
    sha256: text(),
    /** In R2: random, so that it says nothing and is never used twice. */
    objectKey: text().notNull().unique('files_object'),
    /** The multipart upload that writes it, where there is one. */
    uploadId: text(),
    /** Null for what has no text. */
    textStatus: text({ enum: TEXT_STATUSES }),
    /** How often the text was tried to be read. */
    textTries: integer().notNull().default(0),
    /** When the next try is due, while `textStatus` is `processing`. */
    textDueAt: moment(),
    createdAt: moment().notNull(),
    /** From when on the sweeper takes it; it moves while the object is written. Null when it is ready. */
    sweepAt: moment(),
  },
  (table) => [
    index('files_listed').on(table.userId, table.state, table.id),
    index('files_by_kind').on(table.userId, table.state, table.kind, table.id),
    index('files_unfinished').on(table.sweepAt).where(sql`state <> 'ready'`),
    index('files_unread').on(table.textDueAt).where(sql`text_status = 'processing'`),
  ],
)

/** What a user stores, kept by triggers (migrations/0011). Nothing else writes it. */
export const storageUse = sqliteTable('storage_use', {
  userId: text().primaryKey(),
  bytes: integer().notNull(),
  files: integer().notNull(),
})

/** As much text of a file as a model is shown of it. */
export const fileTexts = sqliteTable('file_texts', {
  fileId: text()
    .primaryKey()
    .references(() => files.id),
  text: text().notNull(),
  isWhole: integer({ mode: 'boolean' }).notNull(),
})

/** What of an attached file the model is shown: its text, the picture, or only what it is called. */
export const FILE_PARTS = ['text', 'image', 'name'] as const

/** The files of a message, in order. What they show of themselves is decided when it is sent, and is part of its `tokens`. */
export const messageFiles = sqliteTable(
  'message_files',
  {
    messageId: text()
      .notNull()
      .references(() => messages.id),
    place: integer().notNull(),
    fileId: text()
      .notNull()
      .references(() => files.id),
    part: text({ enum: FILE_PARTS }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.messageId, table.place] }), index('message_files_file').on(table.fileId)],
)

/** A resumable upload (tus), beside its pending file, whose `size` is its length. */
export const uploads = sqliteTable('uploads', {
  fileId: text()
    .primaryKey()
    .references(() => files.id),
  /** Bytes that are stored and acknowledged: whole parts, and a rest that makes none yet. */
  offset: integer().notNull(),
  /** Who writes at the moment. Whoever comes later takes over, and the one before can acknowledge nothing more. */
  writer: text(),
  /** No part number is given out twice, so that a writer that was left behind harms no other's part. */
  nextPart: integer().notNull(),
  /** Who wrote the rest, under whose name it is stored; null when there is none. */
  rest: text(),
  /** As the client sent it. */
  metadata: text().notNull(),
})

/** Parts in R2 of a resumable upload. `start` is the place of the first byte; those that reach beyond the upload's offset are void. */
export const uploadParts = sqliteTable(
  'upload_parts',
  {
    fileId: text()
      .notNull()
      .references(() => files.id),
    start: integer().notNull(),
    number: integer().notNull(),
    etag: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.fileId, table.start] })],
)
