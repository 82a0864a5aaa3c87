import type { Context } from 'hono'
import type { Config } from '../env.ts'
import { hmac } from '../lib/digests.ts'
import { networkOf } from '../lib/ip-addresses.ts'
import type { Client } from './context.ts'

/** The client's address as the edge saw it. `X-Forwarded-For` is anybody's word and never read. */
const addressOf = (c: Context) => networkOf(c.req.header('cf-connecting-ip') ?? 'local')

/** A keyed hash of the client's address: addresses themselves are neither stored nor logged. */
export async function hashAddress(c: Context): Promise<string | null> {
  const { JWT_SECRET } = (c.get('config') ?? {}) as Partial<Config>
  return JWT_SECRET ? (await hmac(`address:${JWT_SECRET}`, addressOf(c))).slice(0, 16) : null
}

/** The client that sent this request. */
export const clientOf = async (c: Context): Promise<Client> => ({
  device: c.req.header('user-agent')?.slice(0, 200) ?? null,
  ipHash: await hashAddress(c),
})
