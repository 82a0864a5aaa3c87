import type { Context } from 'hono'
import { requestsPerMinuteOf } from '../../features/auth/session-check.ts'
import { hashAddress } from '../client-address.ts'
import type { AppEnv } from '../context.ts'

/** A group of routes that share a limit. A route counts under one, which its contract names (docs/rate-limits.md). */
export type PolicyName = 'auth' | 'public' | 'chat' | 'key' | 'api'

type Policy = {
  /** Who is counted, by an id or a keyed hash: it is written to KV. */
  subjectOf: (c: Context<AppEnv>) => string | Promise<string>
  /** Requests a minute of that subject. D1 has not been asked yet, so it goes by what this isolate knows. */
  limitOf: (c: Context<AppEnv>) => number
}

/** Until this isolate has read the plan of a user, with their first request: what the largest of the usual plans has. */
const UNKNOWN_PLAN = 600

/** The guard has let them in. */
const userOf = (c: Context<AppEnv>) => c.get('request').userId!

export const POLICIES: Record<PolicyName, Policy> = {
  /** For routes of `/auth` that everybody may call. It is there once the configuration is. */
  auth: { subjectOf: async (c) => (await hashAddress(c))!, limitOf: (c) => c.get('config').AUTH_RATE_LIMIT },
  /** For others that everybody may call. */
  public: { subjectOf: async (c) => (await hashAddress(c))!, limitOf: (c) => c.get('config').PUBLIC_RATE_LIMIT },
  /** For those that start a run: what the plan has. */
  chat: { subjectOf: userOf, limitOf: (c) => requestsPerMinuteOf(userOf(c)) ?? UNKNOWN_PLAN },
  /** Besides `chat`, for requests with an API key that has a limit of its own. Keys that follow each other share it. */
  key: { subjectOf: (c) => c.get('request').key!.familyId, limitOf: (c) => c.get('request').key!.rpm! },
  /** For all others. */
  api: { subjectOf: userOf, limitOf: (c) => c.get('config').API_RATE_LIMIT },
}
