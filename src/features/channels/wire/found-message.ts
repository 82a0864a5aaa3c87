import type { FoundMessage } from '../schemas/found-message.ts'
import type { Hit } from '../service/search.ts'
import { toChannelMessage } from './message.ts'

export const toFoundMessage = (hit: Hit, viewerId: string): FoundMessage => ({
  ...toChannelMessage(hit.channelId, hit.message, { id: viewerId, reacted: hit.reacted }),
  snippet: hit.snippet,
})
