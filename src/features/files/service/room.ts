import { eq, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { files, plans, users } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, invalidToken } from '../../../http/errors.ts'
import { newObjectKey } from '../file-store.ts'

const MAX_FILES = 10_000

/** A pending row. `size` is what it holds, in bytes; the others are limits of the plan. */
export type Held = {
  id: string
  objectKey: string
  size: number
  plan: string
  fileBytes: number
  storageBytes: number
}

type Wanted = {
  name: string
  bytes: number
  /** `exact`: all that is asked for, however much that is. Otherwise as much of it as one request may bring and as there is. */
  exact?: boolean
  /** From when on the sweeper takes what did not become ready. */
  sweepAt: Date
}

/**
 * Makes the pending row of a file, which takes room before there is anything in it, so that uploads at once never pass what
 * there is. `also` is written in the same batch.
 * @throws AppError `storage_limit_reached`, `unauthorized` when the account is closed
 */
export async function holdRoom(
  { db, user, now, newId }: Ctx,
  { name, bytes, exact = false, sweepAt }: Wanted,
  also: (id: string) => BatchItem<'sqlite'>[] = () => [],
): Promise<Held> {
  const id = newId()
  const objectKey = newObjectKey()
  const ofPlan = (column: string) =>
    sql`(SELECT p.${sql.raw(column)} FROM users u JOIN plans p ON p.id = u.plan WHERE u.id = ${user.id} AND u.deleted_at IS NULL)`
  const used = (column: string) =>
    sql`coalesce((SELECT ${sql.raw(column)} FROM storage_use WHERE user_id = ${user.id}), 0)`
  const room = sql`(${ofPlan('storage_bytes')} - ${used('bytes')})`
  const wanted = sql`CAST(${bytes} AS INTEGER)`
  const limits = db
    .select({ plan: plans.id, fileBytes: plans.fileBytes, storageBytes: plans.storageBytes })
    .from(users)
    .innerJoin(plans, eq(plans.id, users.plan))
    .where(sql`${users.id} = ${user.id} AND ${users.deletedAt} IS NULL`)
  const row = {
    id,
    userId: user.id,
    state: 'pending' as const,
    name,
    size: exact ? bytes : sql`min(${wanted}, ${room}, ${ofPlan('file_bytes')})`,
    mediaType: '',
    kind: 'other' as const,
    objectKey,
    createdAt: now,
    sweepAt,
  }
  try {
    const [, , [limit], [held]] = await db.batch([
      mustHold(db, 'files_room', sql`${used('files')} < ${MAX_FILES}`),
      mustHold(db, 'storage_room', exact ? sql`${room} >= ${wanted}` : sql`${room} > 0`),
      limits,
      db.insert(files).values(row).returning({ size: files.size }),
      ...also(id),
    ])
    return { id, objectKey, size: held!.size, ...limit! }
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet !== 'files_room' && unmet !== 'storage_room') throw error
    const [limit] = await limits
    if (!limit) throw invalidToken()
    throw unmet === 'files_room' ? tooMany() : full(limit)
  }
}

/** There is no room left for it, of all that the plan has. */
export const full = ({ plan, storageBytes }: Pick<Held, 'plan' | 'storageBytes'>) =>
  new AppError('storage_limit_reached', `Plan ${plan} stores ${storageBytes} bytes: delete what you do not need`, {
    extras: { plan, limit: storageBytes },
  })

const tooMany = () =>
  new AppError('storage_limit_reached', `An account has ${MAX_FILES} files at most: delete what you do not need`, {
    extras: { limit: MAX_FILES },
  })

/** One request may not bring so much. */
export const tooLarge = ({ fileBytes }: Pick<Held, 'fileBytes'>) =>
  new AppError('too_large', `A file may have ${fileBytes} bytes here: upload larger ones in pieces, at /api/v1/uploads`)
