import type { sessions } from '../../db/schema/index.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import { type StoredUser, toUser } from '../users/wire/user.ts'
import type { Session } from './schemas/sessions.ts'
import type { SignedIn, TokenAnswer } from './schemas/sign-in.ts'

type Tokens = { accessToken: string; expiresIn: number; refreshToken: string }

export const toTokenAnswer = (tokens: Tokens): TokenAnswer => ({
  access_token: tokens.accessToken,
  token_type: 'bearer',
  expires_in: tokens.expiresIn,
  refresh_token: tokens.refreshToken,
})

export const toSignedIn = (signedIn: Tokens & { user: StoredUser }): SignedIn => ({
  ...toTokenAnswer(signedIn),
  user: toUser(signedIn.user),
})

type Row = Omit<typeof sessions.$inferSelect, 'userId' | 'revokedAt' | 'revokedReason'>

export const toSession = (row: Row & { idleExpiresAt: Date; current: boolean }): Session => ({
  id: row.id,
  current: row.current,
  device: row.device,
  address_hash: row.ipHash,
  created_at: toTimestamp(row.createdAt),
  last_used_at: toTimestamp(row.lastUsedAt),
  idle_expires_at: toTimestamp(row.idleExpiresAt),
  expires_at: toTimestamp(row.expiresAt),
})
