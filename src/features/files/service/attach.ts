import { and, eq, type SQL, sql } from 'drizzle-orm'
import { partOf, type ShownFile } from '../../../ai/shown-files.ts'
import type { Db } from '../../../db/client.ts'
import { mustHold } from '../../../db/preconditions.ts'
import { files, fileTexts, messageFiles } from '../../../db/schema/index.ts'
import type { Ctx, OwnerCtx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import type { Attached } from '../wire.ts'

/** Label of the precondition that files which something shall have are there. */
export const FILES_THERE = 'files_there'

const listed = (ids: string[]) => sql`id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`

/** Of a file: see `ShownFile`. */
const markOf = (sha256: SQL) => sql<string>`substr(${sha256}, 1, 16)`

/** Statement for those files of a user's, with the text that a model is shown of them. */
export const selectAttachable = (db: Db, userId: string, ids: string[]) =>
  db
    .select({
      id: files.id,
      mark: markOf(sql`${files.sha256}`).as('mark'),
      name: files.name,
      mediaType: files.mediaType,
      size: files.size,
      objectKey: files.objectKey,
      textStatus: files.textStatus,
      text: fileTexts.text,
      isWhole: fileTexts.isWhole,
    })
    .from(files)
    .leftJoin(fileTexts, eq(fileTexts.fileId, files.id))
    .where(and(listed(ids), eq(files.userId, userId), eq(files.state, 'ready')))

type Attachable = Awaited<ReturnType<typeof selectAttachable>>[number]

/** What was found, in the order of `ids`, as a model is shown it. @throws AppError `file_not_found` */
export function toShown(found: Attachable[], ids: string[]): ShownFile[] {
  const byId = new Map(found.map((file) => [file.id, file]))
  return ids.map((id) => {
    const file = byId.get(id)
    if (!file) throw fileNotFound()
    const { textStatus: _, ...shown } = file
    return { ...shown, part: partOf(file) }
  })
}

export const fileNotFound = () =>
  new AppError('file_not_found', 'Upload a file first: each of `files` is the id of one')

/** Statement that undoes its batch, by FILES_THERE, unless all of these, each named once, are files of the user's. */
export const mustHaveFiles = (db: Db, userId: string, ids: string[]) => {
  const there = sql`(SELECT count(*) FROM files WHERE ${listed(ids)} AND user_id = ${userId} AND state = 'ready')`
  return mustHold(db, FILES_THERE, sql`${there} = ${ids.length}`)
}

/** Statements that give a message its files. They undo the batch, by FILES_THERE, when one of them is there no more. */
export const attach = (db: Db, userId: string, messageId: string, shown: ShownFile[]) => {
  if (shown.length === 0) return []
  const ids = shown.map(({ id }) => id)
  const rows = shown.map(({ id, part }, place) => ({ messageId, place, fileId: id, part }))
  return [mustHaveFiles(db, userId, ids), db.insert(messageFiles).values(rows)]
}

/** How often it is looked whether the text of a file is known by now. */
export const TEXT_POLL_MS = 400

/**
 * The caller's files of these ids as a model is shown them. One whose text is being read is waited for, but not long.
 * @throws AppError `file_not_found`
 */
export async function readShown({ db, user, config }: Ctx, ids: string[]): Promise<ShownFile[]> {
  if (ids.length === 0) return []
  for (const until = Date.now() + config.FILE_TEXT_WAIT_MS; ; await scheduler.wait(TEXT_POLL_MS)) {
    const found = await selectAttachable(db, user.id, ids)
    if (Date.now() > until || !isReading(found)) return toShown(found, ids)
  }
}

/** Those of a user's files that are there, as a model is shown them. */
export async function readShownOf({ db, user }: OwnerCtx, ids: string[]): Promise<ShownFile[]> {
  const found = await selectAttachable(db, user.id, ids)
  const there = new Set(found.map(({ id }) => id))
  return toShown(
    found,
    ids.filter((id) => there.has(id)),
  )
}

export const isReading = (found: Attachable[]) => found.some(({ textStatus }) => textStatus === 'processing')

const ofMessage = <T>(messageId: SQL, columns: SQL, fields: SQL) =>
  sql<string>`(SELECT json_group_array(json_object(${fields})) FROM (
    SELECT f.id, f.name, f.media_type, f.size ${columns} WHERE mf.message_id = ${messageId} ORDER BY mf.place))`.mapWith(
    (value: string): T[] => JSON.parse(value),
  )

const NAMED = sql`'id', id, 'name', name, 'mediaType', media_type, 'size', size`

/** A column: the files of a message. */
export const attachmentsOf = (messageId: SQL) =>
  ofMessage<Attached>(messageId, sql`FROM message_files mf JOIN files f ON f.id = mf.file_id`, NAMED)

/** A column: the files of a message, as a model is shown them. */
export const shownFilesOf = (messageId: SQL) =>
  ofMessage<ShownFile>(
    messageId,
    sql`, ${markOf(sql`f.sha256`)} AS mark, f.object_key, mf.part, t.text, t.is_whole FROM message_files mf JOIN files f ON f.id = mf.file_id
      LEFT JOIN file_texts t ON t.file_id = f.id AND mf.part = 'text'`,
    sql`${NAMED}, 'mark', mark, 'objectKey', object_key, 'part', part, 'text', text, 'isWhole', json(iif(is_whole, 'true', 'false'))`,
  )
