import { z } from '@hono/zod-openapi'
import { Snippet } from '../../search/schemas.ts'
import { ChannelMessage } from './message.ts'

// Of the shape, as an extension would be an `allOf` of closed objects, which nothing fits.
export const FoundMessage = z.strictObject({ ...ChannelMessage.shape, snippet: Snippet }).openapi('FoundMessage')
export type FoundMessage = z.infer<typeof FoundMessage>
