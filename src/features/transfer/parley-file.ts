import type { z } from 'zod'
import { invalid } from '../../http/errors.ts'
import { boundedParse } from '../../lib/json-items.ts'
import { shapeFault } from '../../lib/json-shape.ts'
import { type Incoming, type IncomingMessage, type Kind, MAX_CONTENT, sane } from './incoming.ts'
import { arrange, type Node } from './message-tree.ts'
import { ConversationLine, HeaderLine, MessageLine, ProjectLine } from './schemas/lines.ts'

/** One line is not longer: a message of the longest kind, escaped. */
const MAX_LINE = 2_000_000
/** Messages of one conversation, which are held until it ends. */
const MAX_NODES = 20_000

type Skipped = Extract<Incoming, { where: string }>
type Open = { line: ConversationLine; nodes: Map<string, Node<IncomingMessage>>; at: Map<string, number> }

/**
 * What is in a file of our own format. A line that is broken is skipped with what depends on it; the rest is read.
 * @throws AppError `validation_failed` for a file that does not begin as an export does
 */
export function* readParleyFile(text: string, now: Date): Generator<Incoming> {
  let open: Open | undefined
  let isWhole = false
  let number = 0
  for (const line of linesOf(text)) {
    number += 1
    const where = `line ${number}`
    const parsed = parse(line, where)
    if (number === 1) requireHeader(parsed)
    if (!parsed || number === 1) continue
    if ('skipped' in parsed) {
      yield parsed
      continue
    }
    const { type } = parsed.value
    isWhole = type === 'end'
    if (type === 'project') yield project(parsed.value, where, now)
    else if (type === 'conversation') {
      if (open) yield* close(open, now)
      const read = check(ConversationLine, parsed.value, where, 'conversations')
      open = 'data' in read ? { line: read.data, nodes: new Map(), at: new Map() } : undefined
      if ('skipped' in read) yield read
    } else if (type === 'message') {
      const skipped = addMessage(open, parsed.value, where, number, now)
      if (skipped) yield skipped
    } else if (type !== 'end' && type !== 'parley.export') {
      yield { skipped: null, where, reason: 'A line of this type is not known here' }
    }
  }
  if (open) yield* close(open, now)
  if (!isWhole) yield { skipped: null, where: `line ${number + 1}`, reason: 'The last line, `end`, is missing' }
}

function* linesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf('\n', from)
    const to = found === -1 ? text.length : found
    yield text.slice(from, to)
    from = to + 1
  }
}

type Line = { value: { type?: unknown } }

/** A line as an object with a type, or why it is none; nothing for an empty one. */
function parse(line: string, where: string): Line | Skipped | undefined {
  if (line.trim() === '') return undefined
  if (line.length > MAX_LINE) return { skipped: null, where, reason: `Longer than ${MAX_LINE} characters` }
  const parsed = boundedParse(line)
  if ('fault' in parsed) return { skipped: null, where, reason: parsed.fault }
  const { value } = parsed
  if (value === null || typeof value !== 'object') return { skipped: null, where, reason: 'Not an object' }
  const fault = shapeFault(value)
  if (!fault) return { value }
  const { type } = value as { type?: unknown }
  const skipped = type === 'project' || type === 'conversation' || type === 'message' ? (`${type}s` as const) : null
  return { skipped, where: `${where}${fault.pointer}`, reason: fault.detail }
}

function requireHeader(first: Line | Skipped | undefined): void {
  const isOurs = first && 'value' in first && HeaderLine.safeParse(first.value).success
  if (!isOurs) throw invalid([{ pointer: '', detail: 'The first line is not that of an export of version 1' }])
}

function check<T>(schema: z.ZodType<T>, value: unknown, where: string, kind: Kind): { data: T } | Skipped {
  const { success, data, error } = schema.safeParse(value)
  if (success) return { data }
  const [issue] = error.issues
  const at = issue!.path.map((key) => `/${String(key)}`).join('')
  return { skipped: kind, where: `${where}${at}`, reason: issue!.message }
}

function project(value: unknown, where: string, now: Date): Incoming {
  const read = check(ProjectLine, value, where, 'projects')
  if ('skipped' in read) return read
  const { id, name, color, description, instructions, model, created_at, updated_at } = read.data
  const createdAt = time(created_at, now)
  const texts = { description: description ?? null, instructions: instructions ?? null, model: model ?? null }
  return {
    project: {
      id,
      name,
      color,
      ...texts,
      claimedMs: claimed(created_at),
      createdAt,
      updatedAt: time(updated_at, now, createdAt),
    },
  }
}

/** Puts a message to its conversation; gives why not. */
function addMessage(open: Open | undefined, value: unknown, where: string, number: number, now: Date) {
  const read = check(MessageLine, value, where, 'messages')
  if ('skipped' in read) {
    const { id, parent_id, conversation_id } = value as Partial<MessageLine>
    // What follows it need not be lost with it.
    const isPlaced = typeof id === 'string' && (typeof parent_id === 'string' || parent_id === null)
    if (open && isPlaced && conversation_id === open.line.id) place(open, id, parent_id ?? null, undefined, number)
    return read
  }
  const { id, parent_id, conversation_id } = read.data
  const content = wordsOf(read.data)
  const skip = (reason: string): Skipped => ({ skipped: 'messages', where, reason })
  if (open?.line.id !== conversation_id) return skip('Its conversation is not before it')
  if (open.nodes.has(id)) return skip('Twice in its conversation')
  if (open.nodes.size >= MAX_NODES) return skip(`Its conversation has more than ${MAX_NODES} messages`)
  if (content.trim() === '' && read.data.role === 'user') {
    place(open, id, parent_id, undefined, number)
    return skip('Nothing is said in it')
  }
  if (content.length > MAX_CONTENT) {
    place(open, id, parent_id, undefined, number)
    return skip(`Text of more than ${MAX_CONTENT} characters`)
  }
  place(open, id, parent_id, message(read.data, now), number)
  return undefined
}

function place(
  { nodes, at }: Open,
  id: string,
  parentId: string | null,
  message: IncomingMessage | undefined,
  n: number,
) {
  nodes.set(id, { id, parentId, message })
  at.set(id, n)
}

/** What is said; where that was only done with files, what they were called. */
const wordsOf = ({ content, files }: MessageLine) =>
  content.trim() === '' ? files.map(({ filename }) => filename).join(', ') : content

function message(line: MessageLine, now: Date): IncomingMessage {
  const { role, status, model, sources, feedback } = line
  const isReply = role === 'assistant'
  const createdAt = time(line.created_at, now)
  return {
    role,
    content: wordsOf(line),
    // Nobody is writing on it any more.
    status: !isReply ? 'completed' : status === 'in_progress' ? 'interrupted' : status,
    model: model ?? null,
    sources: sources.length > 0 ? sources : null,
    feedback: isReply ? (feedback?.rating ?? null) : null,
    feedbackComment: isReply ? (feedback?.comment ?? null) : null,
    claimedMs: claimed(line.created_at),
    createdAt,
    updatedAt: time(line.updated_at, now, createdAt),
  }
}

function* close({ line, nodes, at }: Open, now: Date): Generator<Incoming> {
  const { placed, lost, anchorOf } = arrange(nodes)
  for (const { id } of lost) {
    yield { skipped: 'messages', where: `line ${at.get(id)}`, reason: 'What it follows is missing, or follows it' }
  }
  const createdAt = time(line.created_at, now)
  yield {
    conversation: {
      id: line.id,
      projectId: line.project_id ?? null,
      title: line.title?.trim() || null,
      titleSource: line.title_source ?? null,
      instructions: line.instructions ?? null,
      state: line.archived ? 'archived' : 'active',
      pinnedAt: line.pinned_at ? time(line.pinned_at, now) : null,
      tags: [...new Set(line.tags)],
      headId: anchorOf(line.head_id ?? null),
      claimedMs: claimed(line.created_at),
      createdAt,
      updatedAt: time(line.updated_at, now, createdAt),
      messages: placed,
    },
  }
}

function claimed(text: string | null | undefined): number | undefined {
  const ms = text ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

const time = (text: string | null | undefined, now: Date, otherwise?: Date) => sane(claimed(text), now, otherwise)
