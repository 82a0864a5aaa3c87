import type { ChatMessage as PromptMessage } from '../../../ai/provider.ts'
import { fileTokens, type ShownFile, withFiles } from '../../../ai/shown-files.ts'
import type { Target } from '../../../ai/targets.ts'
import { estimateTokens } from '../../../lib/token-estimate.ts'
import type { ServedChatbot } from '../../chatbots/service/served.ts'
import type { ChatCompletionRequest, ChatMessage } from '../schemas/request.ts'

/** What a model is sent, and the estimate of it in tokens. */
export type Prompt = { messages: PromptMessage[]; tokens: number; instructionTokens: number; hasPictures: boolean }

type Parts = {
  request: ChatCompletionRequest
  target: Target
  chatbot: ServedChatbot | undefined
  /** What the chatbot knows. */
  files: ShownFile[]
  /** What is told besides the chatbot's own instructions. */
  rules: string[]
  /** Parameters that go on; what tools and formats say is read by the model too. */
  options: Record<string, unknown>
}

/** The chatbot's instructions, then what it knows, which is data and orders nothing, then the client's messages as they are. */
export function promptOf({ request, target, chatbot, files, rules, options }: Parts): Prompt {
  const instructions = [...(chatbot?.instructions ? [chatbot.instructions] : []), ...rules].join('\n\n')
  const given = request.messages.map(toPromptMessage)
  const pictures = request.messages.reduce((sum, message) => sum + countPictures(message), 0)
  const read = [options.tools, options.response_format].filter((part) => part !== undefined)
  const instructionTokens = instructions === '' ? 0 : estimateTokens(instructions)
  return {
    messages: [
      ...(instructions === '' ? [] : [{ role: 'system' as const, content: instructions }]),
      ...(files.length === 0 ? [] : [{ role: 'user' as const, content: withFiles('', files) }]),
      ...given.map(({ message }) => message),
    ],
    tokens:
      instructionTokens +
      fileTokens(files) +
      given.reduce((sum, { tokens }) => sum + tokens, 0) +
      pictures * target.picture_tokens +
      read.reduce((sum: number, part) => sum + estimateTokens(JSON.stringify(part)), 0),
    instructionTokens,
    hasPictures: pictures > 0,
  }
}

function toPromptMessage(message: ChatMessage): { message: PromptMessage; tokens: number } {
  const content = textOf(message)
  const verbatim = message as PromptMessage['verbatim'] & ChatMessage
  // Of all that goes on nothing may be left out: what is not counted is not paid.
  const { content: _, role: __, ...others } = message
  const rest = Object.keys(others).length === 0 ? '' : JSON.stringify(others)
  const tokens = estimateTokens(content + rest)
  if (message.role === 'tool') {
    return { message: { role: 'tool', content, callId: message.tool_call_id, verbatim }, tokens }
  }
  const role = message.role === 'developer' ? 'system' : message.role
  return { message: { role, content, verbatim }, tokens }
}

const textOf = ({ content }: ChatMessage): string => {
  if (!Array.isArray(content)) return content ?? ''
  return content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
}

const countPictures = ({ role, content }: ChatMessage): number =>
  role === 'user' && Array.isArray(content) ? content.filter(({ type }) => type === 'image_url').length : 0
