import type { ChannelEvent, Message } from '../../../clients/realtime/frames.ts'

/** A message as far as it is known: what the events up to `asOf` did to it is in it. */
export type Entry = {
  message: Message
  asOf: number
  /** Why a chatbot did not answer it: a code. */
  failure?: string
}

/** What is shown of a channel, or of one thread in it: its messages in order, as of its last event. */
export type Timeline = {
  /** The message that the thread is under; null for the channel, which shows no replies. */
  threadId: string | null
  epoch: number
  /** Seq of the last event that it has taken. */
  seq: number
  entries: readonly Entry[]
  /** The seq beyond which the next page lies: above for a channel, below for a thread. */
  next: number | undefined
}

/** A page of history, in any order, with how far the channel had come when it was read. */
export type HistoryPage = { messages: Message[]; epoch: number; seq: number; next: number | undefined }

export function startTimeline(threadId: string | null, { messages, epoch, seq, next }: HistoryPage): Timeline {
  const entries = messages.filter((message) => isIn(threadId, message)).map((message) => ({ message, asOf: seq }))
  return { threadId, epoch, seq, entries: inOrder(entries), next }
}

/** With what a further page has, brought to the same event. Of a message that is in both the later state stays. */
export function joinTimelines(timeline: Timeline, page: Timeline): Timeline {
  const known = new Map(timeline.entries.map((entry) => [entry.message.id, entry]))
  for (const entry of page.entries) {
    if ((known.get(entry.message.id)?.asOf ?? -1) < entry.asOf) known.set(entry.message.id, entry)
  }
  return { ...timeline, entries: inOrder([...known.values()]), next: page.next }
}

const inOrder = (entries: Entry[]) => entries.sort((a, b) => a.message.seq - b.message.seq)

/** After the next event, as `me` sees it. Events must come in order, each once (docs/realtime.md, "Resume"). */
export function withEvent(timeline: Timeline, event: ChannelEvent, me: string): Timeline {
  const entries = entriesAfter(timeline, event, me)
  return { ...timeline, seq: event.seq, entries }
}

function entriesAfter(timeline: Timeline, event: ChannelEvent, me: string): readonly Entry[] {
  const { entries } = timeline
  const change = (id: string | null, by: (message: Message) => Partial<Message>) =>
    entries.map((entry) =>
      entry.message.id === id && event.seq > entry.asOf
        ? { ...entry, asOf: event.seq, message: { ...entry.message, ...by(entry.message) } }
        : entry,
    )
  switch (event.type) {
    case 'message': {
      const { data } = event
      const counted = change(data.thread_id, ({ reply_count }) => ({ reply_count: reply_count + 1 }))
      if (!isIn(timeline.threadId, data) || entries.some(({ message }) => message.id === data.id)) return counted
      // A replay shows it as it is now, and the replies that it counts come after it.
      return [...counted, { message: { ...data, reply_count: 0 }, asOf: event.seq }]
    }
    case 'message.updated':
      return change(event.data.id, ({ nonce, reply_count, reactions }) => ({
        ...event.data,
        nonce,
        reply_count,
        reactions: event.data.reactions.map((one) => ({ ...one, me: isMine(reactions, one.emoji) })),
      }))
    case 'message.deleted':
      return change(event.data.message_id, () => ({
        content: null,
        deleted_at: event.ts,
        pinned: false,
        reactions: [],
        attachments: [],
        mentions: [],
      }))
    case 'pin.added':
    case 'pin.removed':
      return change(event.data.message_id, () => ({ pinned: event.type === 'pin.added' }))
    case 'reaction.added':
    case 'reaction.removed': {
      const { message_id, user_id, emoji, count } = event.data
      return change(message_id, ({ reactions }) => {
        const reacted = user_id === me ? event.type === 'reaction.added' : isMine(reactions, emoji)
        return { reactions: withReaction(reactions, { emoji, count, me: reacted }) }
      })
    }
    case 'chatbot.failed': {
      const { reply_to, code } = event.data
      return entries.map((entry) => (entry.message.id === reply_to ? { ...entry, failure: code } : entry))
    }
    default:
      return entries
  }
}

/** The root of a thread stands above its replies. */
const isIn = (threadId: string | null, { id, thread_id }: Message) => thread_id === threadId || id === threadId

type Reaction = Message['reactions'][number]

const isMine = (reactions: Reaction[], emoji: string) => reactions.some((one) => one.emoji === emoji && one.me === true)

/** In the place that it has; a new one at the end, one of nobody nowhere. */
function withReaction(reactions: Reaction[], changed: Reaction): Reaction[] {
  const isThere = reactions.some(({ emoji }) => emoji === changed.emoji)
  const all = isThere ? reactions.map((one) => (one.emoji === changed.emoji ? changed : one)) : [...reactions, changed]
  return all.filter(({ count }) => count > 0)
}
