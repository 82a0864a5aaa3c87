import { and, ne, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { files } from '../../db/schema/index.ts'
import { SWEEP_ROWS } from '../../db/sweep.ts'
import type { BaseCtx } from '../../http/context.ts'
import { newSecret } from '../../lib/ids.ts'
import { OBJECTS, RESTS } from './file-store.ts'
import { removeObjects } from './service/delete.ts'
import { EXPIRES_MS } from './service/resumable-upload.ts'

const HOUR_MS = 3_600_000
/** Objects are looked through now and then: at each minute that is a multiple of this one. */
const LOOK_EVERY = 10

/** A chore: removes what uploads left that never ended, and what deletions did not get to. */
export async function sweepFiles(ctx: BaseCtx): Promise<void> {
  const { db, now } = ctx
  // As it is written in the index, which holds no others.
  const idle = sql`id IN (SELECT id FROM files WHERE state <> 'ready' AND sweep_at <= ${now.getTime()} LIMIT ${SWEEP_ROWS})`
  // Conditional, so that one that is ready by now stays.
  const doomed = await db
    .update(files)
    .set({ state: 'deleted' })
    .where(and(idle, ne(files.state, 'ready')))
    .returning()
  await removeObjects(ctx, doomed)
}

/** A chore of the bucket: removes objects that no row in any of the databases knows. */
export async function sweepObjects(ctx: BaseCtx, databases: Db[]): Promise<void> {
  if (ctx.now.getUTCMinutes() % LOOK_EVERY !== 0) return
  await removeLostObjects(ctx, databases)
  await removeOldRests(ctx)
}

/** Rests that nobody took up: their uploads have expired, or went on. By age, the oldest first. */
async function removeOldRests({ bucket, now }: BaseCtx): Promise<void> {
  const { objects } = await bucket.list({ prefix: RESTS, limit: SWEEP_ROWS })
  const old = objects.filter(({ uploaded }) => uploaded.getTime() < now.getTime() - EXPIRES_MS - HOUR_MS)
  if (old.length > 0) await bucket.delete(old.map(({ key }) => key))
}

/** Objects without a row, as only a crash between the two can leave them. Each time from another place in their order. */
async function removeLostObjects({ bucket, now, log }: BaseCtx, databases: Db[]): Promise<void> {
  const { objects } = await bucket.list({ prefix: OBJECTS, startAfter: `${OBJECTS}${newSecret(8)}`, limit: SWEEP_ROWS })
  const old = objects.filter(({ uploaded }) => uploaded.getTime() < now.getTime() - HOUR_MS).map(({ key }) => key)
  if (old.length === 0) return
  const isOld = sql`object_key IN (SELECT value FROM json_each(${JSON.stringify(old)}))`
  const known = await Promise.all(databases.map((db) => db.select({ key: files.objectKey }).from(files).where(isOld)))
  const has = new Set(known.flat().map(({ key }) => key))
  const lost = old.filter((key) => !has.has(key))
  if (lost.length === 0) return
  await bucket.delete(lost)
  log('warn', 'lost_objects_deleted', { count: lost.length })
}
