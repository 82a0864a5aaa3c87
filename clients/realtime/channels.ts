import type { ChannelEvent, Position, Reset, Resumed } from './frames.ts'
import { type Stream, startStream, takeEvent } from './streams.ts'

const RECV_EVENTS = 64
const RECV_MS = 5_000
const SYNC_MS = 2_000
const MAX_SYNC_MS = 30_000

/** Taken for a channel of which only an event is known; the server answers a wrong one with `reset`. */
const FIRST_EPOCH = 1

type Outlets = {
  transmit: (frame: object) => void
  onEvent: (event: ChannelEvent) => void
  onReset: (channelId: string, reset: Reset) => void
}

/** The streams of all channels, what is missing in them, and what the server is told about them. */
export function createChannels(positions: Record<string, Position>, { transmit, onEvent, onReset }: Outlets) {
  const streams = new Map(Object.entries(positions).map(([ch, { epoch, seq }]) => [ch, startStream(epoch, seq)]))
  const repairs = new Map<string, { timer: ReturnType<typeof setTimeout>; asked: number; last: number }>()
  const unconfirmed = new Set<string>()
  let received = 0
  let recvTimer: ReturnType<typeof setTimeout> | undefined
  let isStopped = false

  function take(ch: string, events: ChannelEvent[]): void {
    if (events[0] === undefined) return
    const stream = streams.get(ch) ?? startStream(FIRST_EPOCH, events[0].seq - 1)
    streams.set(ch, stream)
    for (const event of events) {
      for (const next of takeEvent(stream, { ...event, ch })) {
        onEvent(next)
        if (isStopped) return
      }
      unconfirmed.add(ch)
    }
    repair(ch, stream)
    // Repeats count as well, since the server has them outstanding. The 5 s are not begun anew by each event: under a
    // slow trickle nothing would be confirmed for longer than the server waits.
    received += events.length
    recvTimer ??= setTimeout(confirm, RECV_MS)
    if (received >= RECV_EVENTS) confirm()
  }

  function confirm(): void {
    const data = Object.fromEntries([...unconfirmed].map((ch) => [ch, streams.get(ch)?.last]))
    forgetReceived()
    transmit({ type: 'recv', data })
  }

  function forgetReceived(): void {
    clearTimeout(recvTimer)
    recvTimer = undefined
    received = 0
    unconfirmed.clear()
  }

  /** Asks for what is missing: at a gap at once, below a head after 2 s; then less and less often until some comes. */
  function repair(ch: string, stream: Stream): void {
    const { asked = 0, last } = repairs.get(ch) ?? {}
    if (stream.last >= stream.head) endRepair(ch)
    else if (asked === 0 && stream.held.size > 0) sync(ch, stream, 1)
    else if (last !== stream.last) planSync(ch, stream, Math.min(asked, 1))
  }

  function sync(ch: string, stream: Stream, asked: number): void {
    transmit({ type: 'sync', data: { ch, after: stream.last } })
    planSync(ch, stream, asked)
  }

  function planSync(ch: string, stream: Stream, asked: number): void {
    endRepair(ch)
    const timer = setTimeout(() => sync(ch, stream, asked + 1), Math.min(MAX_SYNC_MS, SYNC_MS * 2 ** asked))
    repairs.set(ch, { timer, asked, last: stream.last })
  }

  function endRepair(ch: string): void {
    clearTimeout(repairs.get(ch)?.timer)
    repairs.delete(ch)
  }

  /** What the server says of a channel as a whole. */
  function follow(ch: string, epoch: number, seq: number): void {
    const stream = streams.get(ch)
    if (stream === undefined) {
      streams.set(ch, startStream(epoch, seq))
    } else if (stream.epoch !== epoch) {
      reset(ch, { reason: 'epoch', epoch, head: seq })
    } else {
      stream.head = Math.max(stream.head, seq)
      repair(ch, stream)
    }
  }

  function reset(ch: string, data: Reset): void {
    forget(ch)
    if (data.epoch !== null && data.head !== null) streams.set(ch, startStream(data.epoch, data.head))
    onReset(ch, data)
  }

  function forget(ch: string): void {
    endRepair(ch)
    unconfirmed.delete(ch)
    streams.delete(ch)
  }

  /** What was to be asked or confirmed on the old connection is void: `resume` says both. */
  function disconnected(): void {
    for (const ch of repairs.keys()) endRepair(ch)
    forgetReceived()
  }

  return {
    take,
    reset,
    forget,
    disconnected,
    added: (ch: string, { epoch, seq }: Position) => follow(ch, epoch, seq),
    /** The full list: what is not in it is no longer the user's. */
    resumed({ channels }: Resumed): void {
      for (const ch of streams.keys()) if (!Object.hasOwn(channels, ch)) forget(ch)
      for (const [ch, { epoch, seq }] of Object.entries(channels)) follow(ch, epoch, seq)
    },
    heads(heads: Record<string, number>): void {
      for (const [ch, seq] of Object.entries(heads)) {
        const stream = streams.get(ch)
        if (stream) follow(ch, stream.epoch, seq)
      }
    },
    positions: (): Record<string, Position> =>
      Object.fromEntries([...streams].map(([ch, { epoch, last }]) => [ch, { epoch, seq: last }])),
    stop(): void {
      isStopped = true
      disconnected()
    },
  }
}
