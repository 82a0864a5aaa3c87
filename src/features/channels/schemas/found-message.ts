import { z } from '@hono/zod-openapi'
import { Snippet } from '../../search/schemas.ts'
import type { Hit } from '../service/search.ts'
import { ChannelMessage, toChannelMessage } from './message.ts'

// Of the shape, as an extension would be an `allOf` of closed objects, which nothing fits.
export const FoundMessage = z.strictObject({ ...ChannelMessage.shape, snippet: Snippet }).openapi('FoundMessage')

export const toFoundMessage = (hit: Hit, viewerId: string): z.infer<typeof FoundMessage> => ({
  ...toChannelMessage(hit.channelId, hit.message, { id: viewerId, reacted: hit.reacted }),
  snippet: hit.snippet,
})
