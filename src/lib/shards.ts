/** Which of `count` shards a user's sockets are on: the first 32 bits of the SHA-256 of their id, modulo `count`. */
export async function shardOf(userId: string, count: number): Promise<number> {
  if (count === 1) return 0
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(userId))
  return new DataView(digest).getUint32(0) % count
}

/** The name of the Gateway of a shard. */
export const gatewayName = (shard: number): string => `g:${shard}`
