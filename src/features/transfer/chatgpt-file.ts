import { invalid } from '../../http/errors.ts'
import { boundedParse, itemsOf } from '../../lib/json-items.ts'
import { escapePointer } from '../../lib/json-shape.ts'
import { type Incoming, type IncomingMessage, MAX_CONTENT, newestOf, sane } from './incoming.ts'
import { arrange, type Node } from './message-tree.ts'
import { ChatGptConversation, ChatGptNode } from './schemas/chatgpt.ts'

/**
 * What is in a `conversations.json` of ChatGPT: what people and the assistant said to each other, not what was said to
 * tools or is not shown. Conversation by conversation, so that no more than one is held at a time.
 * @throws AppError `validation_failed` for what is no array with something in it
 */
export function* readChatGptFile(text: string, now: Date): Generator<Incoming> {
  let isEmpty = true
  for (const item of itemsOf(text)) {
    isEmpty = false
    const where = `/${item.index}`
    const parsed = 'text' in item ? boundedParse(item.text) : item
    if ('fault' in parsed) yield { skipped: 'conversations', where, reason: parsed.fault }
    else yield* conversation(parsed.value, where, now)
  }
  if (isEmpty) throw invalid([{ pointer: '', detail: 'Not an array with conversations in it' }])
}

function* conversation(value: unknown, where: string, now: Date): Generator<Incoming> {
  const read = ChatGptConversation.safeParse(value)
  if (!read.success) {
    const path = read.error.issues[0]!.path.map((key) => `/${String(key)}`).join('')
    yield { skipped: 'conversations', where: `${where}${path}`, reason: read.error.issues[0]!.message }
    return
  }
  const { data } = read
  const claimedMs = milliseconds(data.create_time)
  const createdAt = sane(claimedMs, now)
  const nodes = new Map<string, Node<IncomingMessage>>()
  for (const [id, each] of Object.entries(data.mapping)) {
    const place = `${where}/mapping/${escapePointer(id)}`
    const { node, fault } = readNode(id, each, { claimedMs, createdAt }, now)
    nodes.set(id, node)
    if (fault) yield { skipped: 'messages', where: place, reason: fault }
  }
  const { placed, lost, anchorOf } = arrange(nodes)
  for (const { id } of lost) {
    const place = `${where}/mapping/${escapePointer(id)}`
    yield { skipped: 'messages', where: place, reason: 'What it follows is missing, or follows it' }
  }
  if (placed.length === 0) {
    yield { skipped: 'conversations', where, reason: 'Nothing was said in it' }
    return
  }
  const title = clean(data.title ?? '')
  yield {
    conversation: {
      id: data.conversation_id ?? data.id!,
      projectId: null,
      title: title || null,
      titleSource: title ? 'user' : null,
      instructions: null,
      state: data.is_archived ? 'archived' : 'active',
      pinnedAt: null,
      tags: [],
      headId: anchorOf(data.current_node ?? null) ?? newestOf(placed),
      claimedMs,
      createdAt,
      updatedAt: sane(milliseconds(data.update_time), now, createdAt),
      messages: placed,
    },
  }
}

/** A place in the tree; what is said at it, if it is kept; and why not, if that is to be told. */
function readNode(
  id: string,
  value: unknown,
  otherwise: { claimedMs: number | undefined; createdAt: Date },
  now: Date,
) {
  const read = ChatGptNode.safeParse(value)
  if (!read.success) {
    const parent = (value as { parent?: unknown } | null)?.parent
    const parentId = typeof parent === 'string' ? parent : null
    return { node: { id, parentId, message: undefined }, fault: 'Not a message as ChatGPT writes it' }
  }
  const { parent, message } = read.data
  const node = { id, parentId: parent ?? null, message: undefined }
  const role = message?.author.role
  if (!message || (role !== 'user' && role !== 'assistant')) return { node }
  const { content, metadata } = message
  const isSaid = content.content_type === 'text' || content.content_type === 'multimodal_text'
  const isShown = !metadata?.is_visually_hidden_from_conversation && (message.recipient ?? 'all') === 'all'
  const text = (content.parts ?? []).filter((part) => typeof part === 'string').join('\n')
  if (!isSaid || !isShown || text.trim() === '') return { node }
  if (text.length > MAX_CONTENT) return { node, fault: `Text of more than ${MAX_CONTENT} characters` }
  if (text.includes('\0') || !text.isWellFormed()) return { node, fault: 'Text must be valid Unicode without NUL' }
  const claimedMs = milliseconds(message.create_time)
  const createdAt = sane(claimedMs, now, otherwise.createdAt)
  const isWhole = role === 'user' || message.status !== 'in_progress'
  const said: IncomingMessage = {
    role,
    content: text,
    status: isWhole ? 'completed' : 'interrupted',
    model: role === 'assistant' ? clean(metadata?.model_slug ?? '') || null : null,
    sources: null,
    feedback: null,
    feedbackComment: null,
    claimedMs: claimedMs ?? otherwise.claimedMs,
    createdAt,
    updatedAt: createdAt,
  }
  return { node: { ...node, message: said } }
}

/** A name as it may be stored: cut where it is too long. */
const clean = (text: string) =>
  text
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, 120)
    .toWellFormed()
    .trim()

const milliseconds = (seconds: number | null | undefined) =>
  seconds == null || !Number.isFinite(seconds) ? undefined : Math.trunc(seconds * 1_000)
