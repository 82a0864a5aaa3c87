import { DefaultChatTransport, type UIMessage } from 'ai'

/** How a reply stands, and under which ids it is stored. */
export type ReplyRun = {
  run_id: string
  conversation_id: string
  user_message_id: string
  status: 'in_progress' | 'completed' | 'cancelled' | 'failed' | 'interrupted'
  model: string
  context: {
    sent: number
    dropped: number
    tokens: number
    files?: { id: string; filename: string; shown: 'included' | 'cut' | 'named' }[]
  }
  warnings: { code: string; detail: string }[]
  finish_reason?: string
  cancel_reason?: string
  error?: { code: string; message: string; retryable: boolean }
}

/** What a reply cost. */
export type ReplyUsage = { input_tokens: number; output_tokens: number; total_tokens: number; charged_tokens: number }

/** A message of `useChat` with Parley's data parts; `title` comes through `onData` alone. */
export type ParleyMessage = UIMessage<unknown, { run: ReplyRun; usage: ReplyUsage; title: { title: string } }>

type Server = { url?: string; token: () => string | Promise<string> }

/** Sends to `/conversations/{chat id}/messages` and resumes from `/conversations/{chat id}/stream`. */
export const parleyTransport = ({ url = '', token }: Server) =>
  new DefaultChatTransport<ParleyMessage>({
    api: `${url}/api/v1/conversations`,
    headers: async () => ({ authorization: `Bearer ${await token()}` }),
    prepareSendMessagesRequest: ({ api, id, messages, trigger, messageId, headers, body }) => {
      const last = messages.at(-1)!
      const again = trigger === 'regenerate-message' ? (messageId ?? last.id) : undefined
      if (again !== undefined && isStored(again)) {
        return { api: `${url}/api/v1/messages/${again}/regenerate?format=ai-sdk`, headers, body: { ...body } }
      }
      const isReworded = trigger === 'submit-message' && messageId !== undefined
      if (isReworded && messages.length === 1) throw new Error('Reword the first message by PATCH /messages/{id}')
      return {
        api: `${api}/${id}/messages?format=ai-sdk`,
        // Sent a second time because no answer came, a message is stored once and answered once.
        headers: isReworded ? headers : { ...Object.fromEntries(new Headers(headers)), 'idempotency-key': last.id },
        body: { content: textOf(last), ...(isReworded && { parent_id: messages.at(-2)?.id }), ...body },
      }
    },
    prepareReconnectToStreamRequest: ({ api, id, headers }) => ({ api: `${api}/${id}/stream`, headers }),
  })

/** Ends the reply at the server and keeps its text; the stream then ends by itself. `stop()` only disconnects. */
export async function stopReply({ url = '', token }: Server, message: ParleyMessage | undefined): Promise<void> {
  const run = message?.parts.find((part) => part.type === 'data-run')?.data
  if (run?.status !== 'in_progress') return
  const headers = { authorization: `Bearer ${await token()}` }
  const response = await fetch(`${url}/api/v1/runs/${run.run_id}/cancel`, { method: 'POST', headers })
  if (!response.ok) throw new Error(await response.text())
}

/** A stored message (`GET /conversations/{id}/messages`) as `useChat` takes it. */
export const toChatMessage = ({ id, role, content }: { id: string; role: 'user' | 'assistant'; content: string }) =>
  ({ id, role, parts: [{ type: 'text', text: content }] }) satisfies ParleyMessage

const textOf = ({ parts }: ParleyMessage) => parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

/** The server's ids are UUIDs; the chat gives its own messages shorter ones. */
const isStored = (id: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
