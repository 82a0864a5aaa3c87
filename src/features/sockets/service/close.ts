import type { BaseCtx } from '../../../http/context.ts'
import { describeError } from '../../../http/log.ts'
import { CLOSE } from '../../../lib/close-codes.ts'
import { gatewayName, shardOf } from '../../../lib/shards.ts'

const PAUSE_MS = 500
const TRIES = 3

/** Ends the sockets of sessions that have ended, soon; what cannot be reached finds out by itself within a minute or so. */
export async function closeSockets(
  { gateways, config, log }: Pick<BaseCtx, 'gateways' | 'config' | 'log'>,
  userId: string,
  sessionIds: string[],
  isDisabled: boolean,
): Promise<void> {
  const name = gatewayName(await shardOf(userId, config.SOCKET_SHARDS))
  for (let tries = 1; tries <= TRIES; tries++) {
    try {
      await gateways.getByName(name).close(userId, sessionIds, isDisabled ? CLOSE.disabled : CLOSE.loggedOut)
      return
    } catch (error) {
      log('warn', 'sockets_not_closed', { user_id: userId, tries, ...describeError(error) })
      await scheduler.wait(PAUSE_MS)
    }
  }
}
