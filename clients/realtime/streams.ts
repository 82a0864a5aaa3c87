import type { ChannelEvent } from './frames.ts'

/** Events that may wait above a gap, per channel. What is dropped beyond it comes again by `sync`. */
export const MAX_HELD = 1_000

/** One channel's sequence: every event once and in order, whatever comes twice, late or not at all. */
export type Stream = {
  epoch: number
  /** Seq of the last event delivered. */
  last: number
  /** The highest seq known to exist. */
  head: number
  /** Events above a gap, by seq. */
  held: Map<number, ChannelEvent>
}

/** A stream that goes on after `seq`. */
export const startStream = (epoch: number, seq: number): Stream => ({
  epoch,
  last: seq,
  head: seq,
  held: new Map(),
})

/**
 * The client rule (docs/realtime.md, "Resume"): takes one event and gives, in order, those whose turn it now is. `last`
 * is that of the event just given, so a caller may stop between two. Nothing happens before the first is asked for.
 */
export function* takeEvent(stream: Stream, event: ChannelEvent): Generator<ChannelEvent> {
  if (event.seq <= stream.last) return
  stream.head = Math.max(stream.head, event.seq)
  stream.held.set(event.seq, event)
  for (let next = stream.held.get(stream.last + 1); next; next = stream.held.get(stream.last + 1)) {
    stream.held.delete(next.seq)
    stream.last = next.seq
    yield next
  }
  if (stream.held.size > MAX_HELD) stream.held.delete(Math.max(...stream.held.keys()))
}
