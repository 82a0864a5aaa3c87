import { eq, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { apiKeys, chatbots, chatbotVersions, plans, users } from '../../../db/schema/index.ts'
import type { Config } from '../../../env.ts'
import type { BaseCtx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { describeError } from '../../../http/log.ts'
import { kindOfApiKey } from '../../../lib/api-keys.ts'
import { sha256 } from '../../../lib/digests.ts'
import { RecentMap } from '../../../lib/recent-map.ts'
import type { Tier } from '../../../lib/tiers.ts'
import type { StoredKey } from '../wire.ts'
import { isCurrentVersion } from './read.ts'
import { SERVED, type ServedChatbot } from './served.ts'

/** A key that opens something, with its chatbot. */
export type LiveKey = Pick<
  StoredKey,
  | 'id'
  | 'familyId'
  | 'userId'
  | 'kind'
  | 'scopes'
  | 'models'
  | 'allowedOrigins'
  | 'rpm'
  | 'monthlyTokenCap'
  | 'expiresAt'
> & {
  /** What the plan of its owner has. */
  requestsPerMinute: number
  tiers: Tier[]
  chatbot: ServedChatbot
}

const MAX_REMEMBERED = 1_000
const MINUTE_MS = 60_000

/** Keys by their hashes, as this isolate read them, and when. */
const remembered = new RecentMap<{ key: LiveKey; at: number }>(MAX_REMEMBERED)
/** Minutes since 1970 in which this isolate last told D1 that a key was used. */
const usedIn = new RecentMap<number>(MAX_REMEMBERED)

/**
 * The key that a client sent. It costs a round trip at most once in KEY_CACHE_MS and isolate: for so long a revoked one may
 * still read. Whatever spends checks it again, in the statement that writes (`keyIsLive`). `mayLookUp` throws for who looks up too
 * many that are none.
 * @throws AppError `invalid_api_key`, `revoked_api_key`, `expired_api_key`
 */
export async function getLiveKey(
  { db, config, now }: { db: Db; config: Pick<Config, 'KEY_CACHE_MS'>; now: Date },
  text: string,
  mayLookUp: () => Promise<void>,
): Promise<LiveKey> {
  if (kindOfApiKey(text) === undefined) throw new AppError('invalid_api_key')
  const hash = await sha256(text)
  const known = remembered.get(hash)
  const isFresh = known && now.getTime() - known.at < config.KEY_CACHE_MS
  if (!isFresh) await mayLookUp()
  const key = isFresh ? known.key : liveKeyOf(await readKey(db, hash))
  if (!isFresh) remembered.set(hash, { key, at: now.getTime() })
  if (key.expiresAt && key.expiresAt <= now) throw new AppError('expired_api_key')
  return key
}

/** That a row of `api_keys` has not ended at that moment. */
export const isLive = (now: Date): SQL =>
  sql`(api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > ${now.getTime()}))`

/** That a key opens something at this moment, for the statement that spends. */
export const keyIsLive = (keyId: string, now: Date) => sql`EXISTS (
  SELECT 1 FROM api_keys JOIN chatbots b ON b.id = api_keys.chatbot_id JOIN users u ON u.id = api_keys.user_id
  WHERE api_keys.id = ${keyId} AND ${isLive(now)} AND b.deleted_at IS NULL AND u.disabled_at IS NULL)`

/** Has D1 know the minute in which a key was used last: behind the answer, and once a minute at most. */
export function noteUse({ db, now, waitUntil, log }: BaseCtx, { id }: LiveKey): void {
  const minute = Math.floor(now.getTime() / MINUTE_MS)
  if (usedIn.get(id) === minute) return
  usedIn.set(id, minute)
  const lastUsedAt = new Date(minute * MINUTE_MS)
  const write = db.update(apiKeys).set({ lastUsedAt }).where(eq(apiKeys.id, id))
  waitUntil(write.then(() => {}).catch((error) => log('warn', 'last_use_not_noted', describeError(error))))
}

/** Makes what was done to the keys of a chatbot, and to itself, hold at once in this isolate. */
export function evictCachedKeys(chatbotId: string): void {
  remembered.deleteWhere(({ key }) => key.chatbot.id === chatbotId)
}

/** Why a key that was live a moment ago is none any more. */
export async function whyDead(db: Db, { id, chatbot }: LiveKey, now: Date): Promise<AppError> {
  evictCachedKeys(chatbot.id)
  const row = await db
    .select({ expiresAt: apiKeys.expiresAt, revokedAt: apiKeys.revokedAt })
    .from(apiKeys)
    .where(eq(apiKeys.id, id))
    .get()
  const hasExpired = row && row.revokedAt === null && row.expiresAt !== null && row.expiresAt <= now
  return new AppError(hasExpired ? 'expired_api_key' : 'revoked_api_key')
}

const readKey = (db: Db, hash: string) =>
  db
    .select({
      ...SERVED,
      keyId: sql<string>`${apiKeys.id}`.as('key_id'),
      familyId: apiKeys.familyId,
      kind: apiKeys.kind,
      scopes: apiKeys.scopes,
      models: apiKeys.models,
      allowedOrigins: apiKeys.allowedOrigins,
      rpm: apiKeys.rpm,
      monthlyTokenCap: apiKeys.monthlyTokenCap,
      expiresAt: apiKeys.expiresAt,
      revokedAt: apiKeys.revokedAt,
      chatbotDeletedAt: chatbots.deletedAt,
      disabledAt: users.disabledAt,
      requestsPerMinute: plans.requestsPerMinute,
      tiers: plans.tiers,
    })
    .from(apiKeys)
    .innerJoin(chatbots, eq(chatbots.id, apiKeys.chatbotId))
    .innerJoin(chatbotVersions, isCurrentVersion)
    .innerJoin(users, eq(users.id, apiKeys.userId))
    .innerJoin(plans, eq(plans.id, users.plan))
    .where(eq(apiKeys.hash, hash))
    .get()

type Row = Awaited<ReturnType<typeof readKey>>

/** @throws AppError `invalid_api_key`, `revoked_api_key` */
function liveKeyOf(row: Row): LiveKey {
  if (!row) throw new AppError('invalid_api_key')
  const { keyId, familyId, kind, scopes, models, allowedOrigins, rpm, monthlyTokenCap, expiresAt, ...rest } = row
  const { requestsPerMinute, tiers, revokedAt, chatbotDeletedAt, disabledAt, ...chatbot } = rest
  if (revokedAt || chatbotDeletedAt || disabledAt) throw new AppError('revoked_api_key')
  const settings = { scopes, models, allowedOrigins, rpm, monthlyTokenCap, expiresAt }
  return { id: keyId, familyId, userId: chatbot.ownerId, kind, ...settings, requestsPerMinute, tiers, chatbot }
}
