import type { Idempotency } from '../../db/idempotency.ts'
import type { NamedPlace } from '../../db/message-place.ts'
import type { OnConflict } from './schemas/run.ts'

/**
 * What is to be answered: `content`, said at a place, or in a conversation that is made along with it; or, without it, what
 * stands at the place already, whose reply gets a sibling.
 */
export type Prompt =
  | { content: string; files: string[]; at?: NamedPlace }
  | { content?: undefined; at: { answerTo: string } }

/** What a reply is asked for with. */
export type ReplyRequest = {
  prompt: Prompt
  model?: string
  internetEnabled: boolean
  onConflict: OnConflict
  cancelOnDisconnect: boolean
  refuseTruncation: boolean
  maxOutputTokens?: number
  idempotency: Idempotency | undefined
}
