import { and, eq, gte, lte, sql } from 'drizzle-orm'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { files, fileTexts } from '../../../db/schema/index.ts'
import type { BaseCtx } from '../../../http/context.ts'
import { describeError } from '../../../http/log.ts'
import { bytesOf, cutTo } from '../excerpt.ts'
import { fromStore } from '../file-store.ts'
import type { StoredFile } from './read.ts'

/** What is larger waits for the chore, so that it takes no time of those who are answered here. */
const SOON_BYTES = 2_000_000
/** A document is read in memory, of which there are 128 MB. */
const MAX_BYTES = 25_000_000
/** A document that broke its reader so often, by its time or memory, is given up. */
const MAX_TRIES = 3
const RETRY_MS = 120_000
/** Of one run of the chore. */
const CHORE_FILES = 10
const CHORE_MS = 20_000

/** Reads the text of a document that was just stored, after the answer. What fails in passing the chore tries again. */
export function readSoon(ctx: BaseCtx, file: StoredFile): void {
  if (file.size > SOON_BYTES) return
  ctx.waitUntil(
    readText(ctx, file).catch((error) =>
      ctx.log('warn', 'text_not_read', { file_id: file.id, ...describeError(error) }),
    ),
  )
}

/** A chore: reads the texts of documents that nobody has read yet, one after the other. */
export async function readDueTexts(ctx: BaseCtx): Promise<void> {
  const { db, now, log } = ctx
  const until = Date.now() + CHORE_MS
  const isDue = and(sql`text_status = 'processing'`, lte(files.textDueAt, now))
  await db
    .update(files)
    .set({ textStatus: 'failed', textDueAt: null })
    .where(and(isDue, gte(files.textTries, MAX_TRIES)))
  const due = await db.select().from(files).where(isDue).orderBy(files.textDueAt).limit(CHORE_FILES)
  for (const file of due) {
    if (Date.now() > until) return
    await readText(ctx, file).catch((error) =>
      log('warn', 'text_not_read', { file_id: file.id, ...describeError(error) }),
    )
  }
}

/** @throws what the store throws; a document that cannot be read is `failed` */
async function readText(ctx: BaseCtx, { id, size }: StoredFile): Promise<void> {
  const { db, bucket, config, log } = ctx
  const isUnread = and(eq(files.id, id), eq(files.state, 'ready'), eq(files.textStatus, 'processing'))
  // The try counts before it is made: it may end with the isolate.
  const [file] = await db
    .update(files)
    .set({ textTries: sql`text_tries + 1`, textDueAt: new Date(Date.now() + RETRY_MS) })
    .where(and(isUnread, sql`text_tries < ${MAX_TRIES}`))
    .returning()
  if (!file) return
  const object = size > MAX_BYTES ? null : await fromStore(bucket.get(file.objectKey))
  const bytes = object && new Uint8Array(await fromStore(object.arrayBuffer()))
  const { textOf } = await import('../document-texts.ts')
  const read = bytes
    ? await textOf(bytes, file.mediaType, bytesOf(config.FILE_CONTEXT_TOKENS)).catch((error) => {
        log('info', 'document_unreadable', { file_id: id, ...describeError(error) })
      })
    : undefined
  const excerpt = read && cutTo(read, config.FILE_CONTEXT_TOKENS)
  try {
    await db.batch([
      mustHold(db, 'still_unread', sql`EXISTS (SELECT 1 FROM files WHERE ${isUnread})`),
      ...(excerpt ? [db.insert(fileTexts).values({ fileId: id, ...excerpt })] : []),
      db
        .update(files)
        .set({ textStatus: excerpt ? 'ready' : 'failed', textDueAt: null })
        .where(isUnread),
    ])
  } catch (error) {
    // Deleted, or read by another at the same time.
    if (unmetPrecondition(error) !== 'still_unread') throw error
  }
}
