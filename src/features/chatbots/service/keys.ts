import { and, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import { audited } from '../../../db/audit.ts'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { apiKeys, chatbots } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, invalid, notFound } from '../../../http/errors.ts'
import { newApiKey, shownOf } from '../../../lib/api-keys.ts'
import { sha256 } from '../../../lib/digests.ts'
import type { NewApiKey } from '../schemas/api-key.ts'
import type { StoredKey } from '../wire.ts'
import { evictCachedKeys, isLive } from './key-check.ts'
import { isOwn, ownExists } from './read.ts'

/** A key as it is made: `secret` is known this once, and null when nothing was made anew. */
export type Made = { key: StoredKey; secret: string | null; replayed: boolean }

const MAX_KEYS = 50

/** That a row of `api_keys` is this one, of a chatbot of the user's that is there. */
export const isOwnKey = (userId: string, chatbotId: string, id: string) =>
  and(eq(apiKeys.id, id), eq(apiKeys.chatbotId, chatbotId), eq(apiKeys.userId, userId), ownExists(userId, chatbotId))!

/** Statement that undoes its batch when a chatbot has no room for one more key that works. */
export const mustHaveRoom = ({ db, now }: Ctx, chatbotId: string) =>
  mustHold(
    db,
    'keys_room',
    sql`(SELECT count(*) FROM api_keys WHERE chatbot_id = ${chatbotId} AND ${isLive(now)}) < ${MAX_KEYS}`,
  )

/** @throws AppError `limit_reached`, if that is why the batch was undone */
export function refuseWithoutRoom(error: unknown): void {
  if (unmetPrecondition(error) !== 'keys_room') return
  throw new AppError('limit_reached', `This chatbot has ${MAX_KEYS} keys that work: revoke one`)
}

/** A fresh secret, with what is stored of it. */
export async function newSecretOf(kind: StoredKey['kind']) {
  const secret = newApiKey(kind)
  return { secret, stored: { hash: await sha256(secret), ...shownOf(secret) } }
}

/**
 * A new key. A repetition with the same Idempotency-Key gives it without its secret.
 * @throws AppError `not_found`, `limit_reached`, `validation_failed` for a model that is not served and for an end that has
 *   passed, `idempotency_key_reused`
 */
export async function createKey(
  ctx: Ctx,
  chatbotId: string,
  given: NewApiKey,
  idempotency: Idempotency | undefined,
): Promise<Made> {
  const { db, user, now, newId, log } = ctx
  refuseUnservedModels(ctx, given.models)
  const { secret, stored } = await newSecretOf(given.kind)
  const id = newId()
  const row: StoredKey = {
    id,
    chatbotId,
    userId: user.id,
    familyId: id,
    rotatedFrom: null,
    kind: given.kind,
    ...stored,
    name: given.name,
    scopes: given.scopes ?? [given.kind === 'pk' ? 'chat:public' : 'chat'],
    models: given.models,
    allowedOrigins: given.allowed_origins,
    rpm: given.rpm,
    monthlyTokenCap: given.monthly_token_cap,
    expiresAt: given.expires_at === null ? null : new Date(given.expires_at),
    revokedAt: null,
    lastUsedAt: null,
    createdAt: now,
  }
  try {
    const made = await once(db, idempotency, id, now, [
      mustHold(db, 'chatbot_there', ownExists(user.id, chatbotId)),
      mustHold(db, 'ends_later', row.expiresAt === null || row.expiresAt > now ? sql`true` : sql`false`),
      mustHaveRoom(ctx, chatbotId),
      audited(ctx, { action: 'api_key.created', target: { type: 'api_key', id } }),
      db.insert(apiKeys).values(row),
    ])
    if (made.replayed) return { key: await getKey(ctx, chatbotId, made.id), secret: null, replayed: true }
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet === 'chatbot_there') throw notFound()
    // After the key of the request: what was made for it once is given, though it has ended since.
    if (unmet === 'ends_later') throw invalid([{ pointer: '/expires_at', detail: 'This has passed' }])
    refuseWithoutRoom(error)
    throw error
  }
  log('info', 'api_key_created', { user_id: user.id, target_id: id })
  return { key: row, secret, replayed: false }
}

/** Whether the plan has the models is asked when one is used. */
function refuseUnservedModels({ config }: Ctx, models: string[]): void {
  const served = new Set(config.MODELS.map(({ id }) => id))
  const faults = models.flatMap((model, at) =>
    served.has(model) ? [] : [{ pointer: `/models/${at}`, detail: 'This model is not served here' }],
  )
  if (faults.length > 0) throw invalid(faults)
}

/** @throws AppError `not_found`, also for what is somebody else's */
export async function getKey({ db, user }: Ctx, chatbotId: string, id: string): Promise<StoredKey> {
  const row = await db
    .select()
    .from(apiKeys)
    .where(isOwnKey(user.id, chatbotId, id))
    .get()
  if (!row) throw notFound()
  return row
}

/**
 * One page of the keys of a chatbot, newest first, also of those that open nothing any more.
 * @throws AppError `not_found`, `validation_failed` for a foreign cursor
 */
export async function listKeys({ db, user }: Ctx, chatbotId: string, page: PageRequest) {
  const list = `api_keys:${chatbotId}`
  const before = keyAfter(page, list, ['string'])?.[0]
  const [[there], rows] = await db.batch([
    db.select({ id: chatbots.id }).from(chatbots).where(isOwn(user.id, chatbotId)),
    db
      .select()
      .from(apiKeys)
      .where(
        and(
          // Who owns the chatbot owns its keys: naming the user as well would take another index, and sort.
          eq(apiKeys.chatbotId, chatbotId),
          before === undefined ? undefined : lt(apiKeys.id, before),
          ownExists(user.id, chatbotId),
        ),
      )
      .orderBy(desc(apiKeys.id))
      .limit(page.limit + 1),
  ])
  if (!there) throw notFound()
  return pageOf(rows, page, list, ({ id }) => [id])
}

/** Ends a key for good; one that has ended stays as it is. @throws AppError `not_found` */
export async function revokeKey(ctx: Ctx, chatbotId: string, id: string): Promise<StoredKey> {
  const { db, user, now, log } = ctx
  const isUnrevoked = and(isOwnKey(user.id, chatbotId, id), isNull(apiKeys.revokedAt))!
  const act = { action: 'api_key.revoked', target: { type: 'api_key', id } } as const
  const [, revoked, [key]] = await db.batch([
    audited(ctx, { ...act, when: sql`EXISTS (SELECT 1 FROM api_keys WHERE ${isUnrevoked})` }),
    db.update(apiKeys).set({ revokedAt: now }).where(isUnrevoked).returning({ id: apiKeys.id }),
    db
      .select()
      .from(apiKeys)
      .where(isOwnKey(user.id, chatbotId, id)),
  ])
  if (!key) throw notFound()
  evictCachedKeys(chatbotId)
  if (revoked.length > 0) log('info', 'api_key_revoked', { user_id: user.id, target_id: id })
  return key
}
