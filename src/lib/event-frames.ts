import { type ChannelEvent, frameWithNonce } from './channel-commands.ts'
import { utf8Length } from './token-estimate.ts'

/** Bounds of one frame that holds several events. */
const MAX_EVENTS = 100
const MAX_BYTES = 65_536

/** Consecutive events as they go over the wire, once for all who get them. `joined` is without the frame around it. */
export type Chunk = { to: number; events: number; bytes: number; joined: string; framed: string }

/** Several frames as one; one alone needs no wrapper. */
export const batchFrame = (joined: string, frames: number): string =>
  frames === 1 ? joined : `{"type":"batch","data":[${joined}]}`

/** Events in frames of a bounded size, as `viewer` sees them: an author sees the nonces of their own. */
export function chunksOf(events: ChannelEvent[], viewer?: string): Chunk[] {
  const chunks: Chunk[] = []
  let frames: string[] = []
  let bytes = 0
  const close = (to: number) => {
    const joined = frames.join(',')
    chunks.push({ to, events: frames.length, bytes, joined, framed: batchFrame(joined, frames.length) })
    frames = []
    bytes = 0
  }
  for (const [at, event] of events.entries()) {
    const frame = event.author !== undefined && event.author === viewer ? frameWithNonce(event) : event.frame
    const size = utf8Length(frame)
    if (frames.length > 0 && (frames.length === MAX_EVENTS || bytes + size > MAX_BYTES)) close(events[at - 1]!.seq)
    frames.push(frame)
    bytes += size
  }
  if (frames.length > 0) close(events.at(-1)!.seq)
  return chunks
}

/** An event as contract 3 knows it: messages alone, with its own fields. */
export function seedFrame(event: ChannelEvent): string | undefined {
  if (event.type !== 'message') return undefined
  const { id, content, user, channel_id, created_at } = JSON.parse(event.frame).data
  // It was deleted since.
  if (content === null) return undefined
  const { username, display_name } = user
  return JSON.stringify({
    type: 'message',
    data: { id, content, user: { username, display_name }, channel_id, created_at },
  })
}
