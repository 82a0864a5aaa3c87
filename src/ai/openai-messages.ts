import type OpenAI from 'openai'
import type { ChatMessage, Detail, Picture, ReadPicture, Verbatim } from './provider.ts'

type Looking = { detail: Detail; readPicture: ReadPicture }
type Message = OpenAI.ChatCompletionMessageParam

/** A message in the words of OpenAI's API; one that is in them already goes on as it is. */
export async function toWireMessage(message: ChatMessage, looking: Looking): Promise<Message> {
  if (message.verbatim) return withDetail(message.verbatim, looking.detail) as unknown as Message
  switch (message.role) {
    case 'tool':
      return { role: 'tool', tool_call_id: message.callId, content: message.content }
    case 'user': {
      const { content, pictures = [] } = message
      if (pictures.length === 0) return { role: 'user', content }
      const parts = await Promise.all(pictures.map((picture) => toPart(picture, looking)))
      return { role: 'user', content: [{ type: 'text', text: content }, ...parts] }
    }
    case 'assistant': {
      const { content, toolCalls } = message
      if (!toolCalls) return { role: 'assistant', content }
      return { role: 'assistant', content: content === '' ? null : content, tool_calls: toolCalls.map(toWireCall) }
    }
    case 'system':
      return { role: 'system', content: message.content }
  }
}

/** Pictures of a client, looked at as closely as is counted for; where that is open, as the client says. */
function withDetail({ content, ...message }: Verbatim, detail: Detail): Verbatim {
  if (!Array.isArray(content) || detail === 'auto') return { ...message, content } as Verbatim
  const parts = content.map((part: { type: string; image_url?: object }) =>
    part.type === 'image_url' ? { ...part, image_url: { ...part.image_url, detail } } : part,
  )
  return { ...message, content: parts } as Verbatim
}

async function toPart(picture: Picture, { detail, readPicture }: Looking): Promise<OpenAI.ChatCompletionContentPart> {
  const base64 = await readPicture(picture)
  if (base64 === undefined) return { type: 'text', text: '[A picture that cannot be shown any more]' }
  return {
    type: 'image_url',
    image_url: { url: `data:${picture.mediaType};base64,${base64}`, detail },
  }
}

const toWireCall = ({ id, ...call }: { id: string; name: string; arguments: string }) => ({
  id,
  type: 'function' as const,
  // Some servers parse what the model wrote before, and fail on what is no JSON.
  function: { name: call.name, arguments: isObject(call.arguments) ? call.arguments : '{}' },
})

function isObject(json: string): boolean {
  try {
    const value = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
