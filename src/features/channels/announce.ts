import type { BaseCtx } from '../../http/context.ts'
import { describeError } from '../../http/log.ts'
import { gatewayName, shardOf } from '../../lib/shards.ts'

/** How long who makes a channel waits for those who are to see it at once. */
const WAIT_MS = 500

/** Takes a new channel to the sockets of its members and, of a public one, to those that see all (contract 3). */
export async function announceChannel(
  { config, gateways, log, waitUntil }: BaseCtx,
  channelId: string,
  members: string[],
  isPublic: boolean,
): Promise<void> {
  const all = Array.from({ length: config.SOCKET_SHARDS }, (_, shard) => shard)
  const concerned = new Set(await Promise.all(members.map((id) => shardOf(id, config.SOCKET_SHARDS))))
  const shards = isPublic && config.SEED_OPEN_CHANNELS > 0 ? all : [...concerned]
  const told = Promise.all(
    shards.map((shard) =>
      gateways
        .getByName(gatewayName(shard))
        .opened(channelId, members, isPublic)
        .catch((error) => log('warn', 'channel_not_announced', { shard, ...describeError(error) })),
    ),
  )
  waitUntil(told)
  await Promise.race([told, scheduler.wait(WAIT_MS)])
}
