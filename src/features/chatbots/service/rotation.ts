import { and, type SQL, sql } from 'drizzle-orm'
import { audited } from '../../../db/audit.ts'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { apiKeys } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, invalid } from '../../../http/errors.ts'
import { evictCachedKeys, isLive } from './key-check.ts'
import { getKey, isOwnKey, type Made, mustHaveRoom, newSecretOf, refuseWithoutRoom } from './keys.ts'

/** That a key works and has no successor yet. */
const isRotatable = ({ user, now }: Ctx, chatbotId: string, id: string, familyId: string): SQL => sql`EXISTS (
  SELECT 1 FROM api_keys WHERE ${and(isOwnKey(user.id, chatbotId, id), isLive(now))}
    AND NOT EXISTS (SELECT 1 FROM api_keys s WHERE s.family_id = ${familyId} AND s.rotated_from = ${id}))`

/**
 * A key with the same settings that takes the place of another one, which goes on for `graceS` seconds at the most. A
 * repetition with the same Idempotency-Key gives it without its secret.
 * @throws AppError `not_found`, `conflict` when it has ended or was rotated before, `limit_reached`, `validation_failed` for
 *   a grace that is too long, `idempotency_key_reused`
 */
export async function rotateKey(
  ctx: Ctx,
  { chatbotId, keyId, graceS }: { chatbotId: string; keyId: string; graceS: number },
  idempotency: Idempotency | undefined,
): Promise<Made> {
  const { db, user, now, newId, log } = ctx
  refuseLongGrace(ctx, graceS)
  const old = await getKey(ctx, chatbotId, keyId)
  const { secret, stored } = await newSecretOf(old.kind)
  const id = newId()
  // The settings of a key never change, so what was read still holds; when it ends is a condition of the batch.
  const row = { ...old, ...stored, id, rotatedFrom: old.id, revokedAt: null, lastUsedAt: null, createdAt: now }
  const until = now.getTime() + graceS * 1_000
  const ending = graceS === 0 ? { revokedAt: now } : { expiresAt: sql`min(coalesce(expires_at, ${until}), ${until})` }
  try {
    const made = await once(db, idempotency, id, now, [
      mustHold(db, 'key_rotatable', isRotatable(ctx, chatbotId, keyId, old.familyId)),
      audited(ctx, { action: 'api_key.rotated', target: { type: 'api_key', id: keyId } }),
      audited(ctx, { action: 'api_key.created', target: { type: 'api_key', id } }),
      db
        .update(apiKeys)
        .set(ending)
        .where(isOwnKey(user.id, chatbotId, keyId)),
      mustHaveRoom(ctx, chatbotId),
      db.insert(apiKeys).values(row),
    ])
    if (made.replayed) return { key: await getKey(ctx, chatbotId, made.id), secret: null, replayed: true }
  } catch (error) {
    if (unmetPrecondition(error) === 'key_rotatable') await refuseRotation(ctx, chatbotId, keyId)
    refuseWithoutRoom(error)
    throw error
  }
  evictCachedKeys(chatbotId)
  log('info', 'api_key_created', { user_id: user.id, target_id: id })
  if (graceS === 0) log('info', 'api_key_revoked', { user_id: user.id, target_id: keyId })
  return { key: row, secret, replayed: false }
}

function refuseLongGrace({ config }: Ctx, graceS: number): void {
  const most = Math.floor(config.KEY_GRACE_MAX_MS / 1_000)
  if (graceS > most) throw invalid([{ pointer: '/grace_seconds', detail: `At most ${most} seconds here` }])
}

/** @throws AppError `not_found` when the key went meanwhile, else `conflict` */
async function refuseRotation(ctx: Ctx, chatbotId: string, keyId: string): Promise<never> {
  await getKey(ctx, chatbotId, keyId)
  throw new AppError('conflict', 'This key has ended, or another one took its place already')
}
