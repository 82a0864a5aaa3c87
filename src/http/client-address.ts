import type { Context } from 'hono'
import type { Config } from '../env.ts'
import { hmac } from '../lib/digests.ts'
import { networkOf } from '../lib/ip-addresses.ts'
import { RecentMap } from '../lib/recent-map.ts'
import type { Client } from './context.ts'

/** The client's address as the edge saw it. `X-Forwarded-For` is anybody's word and never read. */
const addressOf = (c: Context) => networkOf(c.req.header('cf-connecting-ip') ?? 'local')

/** Who asks once asks again. */
const hashes = new RecentMap<string>(1_000)

/** A keyed hash of the client's address: addresses themselves are neither stored nor logged. */
export async function hashAddress(c: Context): Promise<string | null> {
  const { JWT_SECRET } = (c.get('config') ?? {}) as Partial<Config>
  if (!JWT_SECRET) return null
  const address = addressOf(c)
  const known = hashes.get(address)
  if (known) return known
  const hash = (await hmac(`address:${JWT_SECRET}`, address)).slice(0, 16)
  hashes.set(address, hash)
  return hash
}

/** The client that sent this request. */
export const clientOf = async (c: Context): Promise<Client> => ({
  device: c.req.header('user-agent')?.slice(0, 200) ?? null,
  ipHash: await hashAddress(c),
})
