import type { SendMessage } from './channel-commands.ts'
import { mentionedNames } from './channel-text.ts'
import { sha256 } from './digests.ts'

type Said = {
  actor: string
  id: string
  nonce: string
  content: string
  threadId: string | null
  attachments: string[]
}

/** The one form of a send, by REST and by socket: the same words have the same hash. */
export const sendCommand = async ({
  actor,
  id,
  nonce,
  content,
  threadId,
  attachments,
}: Said): Promise<SendMessage> => ({
  type: 'message.send',
  actor,
  id,
  nonce,
  hash: await sha256(JSON.stringify([content, threadId, attachments])),
  content,
  thread_id: threadId,
  attachments,
  names: mentionedNames(content),
})
