const CONFIRM_AFTER = 64
const CONFIRM_AFTER_S = 5
const PING_S = 25
const SYNC_AFTER_S = 2
const KEPT_PER_LENGTH = 32
const KEPT_LENGTHS = 128

// biome-ignore lint/suspicious/noExplicitAny: frames of every shape
export type Frame = { type: string; ch?: string; seq?: number; id?: string; data?: any; number?: number }
export type Position = { epoch: number; seq: number }

export type Follower = {
  take(frame: Frame): void
  /** Once per second: pings, late confirmations, gaps that nobody filled, silence. */
  tick(): void
  position(): Position | undefined
  counts: FollowerCounts
}

/** What the server sent twice (and was dropped), gaps that were asked for, and positions that it did not accept. */
export type FollowerCounts = { dropped: number; syncs: number; resets: number }

type Options = {
  channel: string
  send(text: string): void
  /** Each event of the channel once, in order, without holes. */
  apply(event: Frame): void
  /** The server knows this socket's position, and all up to it was applied. At every connection. */
  onResumed?(): void
  /** An `ack`, or an `error`. */
  onAnswer?(frame: Frame): void
  /** Nothing came for so many seconds: the connection may be dead without saying so. */
  silentS?: number
  onSilent?(): void
}

/** The client of docs/realtime.md: it asks for what it missed, confirms what it has, and drops what comes twice. */
export function followChannel({
  channel,
  send,
  apply,
  onResumed,
  onAnswer,
  silentS = 55,
  onSilent,
}: Options): Follower {
  const counts = { dropped: 0, syncs: 0, resets: 0 }
  const held = new Map<number, Frame>()
  let position: Position | undefined
  let unconfirmed = 0
  let frames = 0
  let head = 0
  let askedFor = -1
  let seconds = 0
  let nextPing = 0
  let behindS = 0
  let unconfirmedS = 0
  let lastTick = { frames: 0, silentS: 0 }

  function take(frame: Frame): void {
    frames++
    const { data } = frame
    switch (frame.type) {
      case 'hello':
        resume()
        return
      case 'replay':
        if (frame.ch === channel) for (const event of data.events) takeEvent(event)
        return
      case 'resumed': {
        const known: Position | undefined = data.channels[channel]
        if (!known) throw new Error('The server does not count this user among the members')
        position ??= { epoch: known.epoch, seq: known.seq }
        head = Math.max(head, known.seq)
        onResumed?.()
        return
      }
      case 'reset':
        if (frame.ch !== channel) return
        counts.resets++
        position = { epoch: data.epoch, seq: data.head }
        return
      case 'heads':
        head = Math.max(head, data[channel] ?? 0)
        return
      case 'ack':
      case 'error':
        onAnswer?.(frame)
        return
      default:
        if (frame.seq !== undefined && frame.ch === channel) takeEvent(frame)
    }
  }

  /** A `hello` begins a new connection. Nothing that belonged to the old one counts any more. */
  function resume(): void {
    held.clear()
    unconfirmed = 0
    unconfirmedS = 0
    askedFor = -1
    behindS = 0
    seconds = 0
    nextPing = Math.ceil(Math.random() * PING_S)
    lastTick = { frames: 0, silentS: 0 }
    send(JSON.stringify({ type: 'resume', id: 'resume', data: { streams: position ? { [channel]: position } : {} } }))
  }

  function takeEvent(event: Frame): void {
    // Before `resumed` there is no position, and what comes then is asked for by the first gap.
    if (!position) return
    const seq = event.seq!
    if (seq <= position.seq) counts.dropped++
    else if (seq === position.seq + 1) {
      accept(event)
      for (let next = held.get(position.seq + 1); next; next = held.get(position.seq + 1)) accept(next)
    } else {
      held.set(seq, event)
      head = Math.max(head, seq)
      if (askedFor !== position.seq) sync()
    }
    if (++unconfirmed >= CONFIRM_AFTER) confirm()
  }

  function accept(event: Frame): void {
    position!.seq++
    if (held.size > 0) held.delete(event.seq!)
    apply(event)
  }

  function sync(): void {
    askedFor = position!.seq
    counts.syncs++
    send(JSON.stringify({ type: 'sync', data: { ch: channel, after: askedFor } }))
  }

  function confirm(): void {
    unconfirmed = 0
    unconfirmedS = 0
    send(`{"type":"recv","data":{"${channel}":${position!.seq}}}`)
  }

  function tick(): void {
    const isSilent = lastTick.frames === frames
    lastTick = { frames, silentS: isSilent ? lastTick.silentS + 1 : 0 }
    if (lastTick.silentS >= silentS) {
      lastTick.silentS = 0
      onSilent?.()
      return
    }
    // From the first one on: under a slow trickle it would never be quiet for so long.
    if (unconfirmed > 0 && ++unconfirmedS >= CONFIRM_AFTER_S) confirm()
    if (++seconds === nextPing) {
      nextPing += PING_S
      send('{"type":"ping"}')
    }
    behindS = position && head > position.seq ? behindS + 1 : 0
    if (behindS > SYNC_AFTER_S) {
      behindS = 0
      sync()
    }
  }

  return { take, tick, position: () => position, counts }
}

type Decoded = { bytes: Buffer; frames: Frame[] }
const decoded = new Map<number, Decoded[]>()

/**
 * The frames of a message, the bytes from `start` to `end`, a `batch` taken apart. Many receivers in one process are sent the
 * same bytes: those are decoded once, so that the receivers do not cost more than the server.
 */
export function decodeFrames(bytes: Buffer, start = 0, end = bytes.length): Frame[] {
  const length = end - start
  let sameLength = decoded.get(length)
  if (sameLength) {
    for (let at = sameLength.length - 1; at >= 0; at--)
      if (sameLength[at]!.bytes.compare(bytes, start, end) === 0) return sameLength[at]!.frames
    if (sameLength.length === KEPT_PER_LENGTH) sameLength.shift()
  } else {
    if (decoded.size === KEPT_LENGTHS) decoded.clear()
    sameLength = []
    decoded.set(length, sameLength)
  }
  const frames = unpack(JSON.parse(bytes.toString('utf8', start, end)))
  sameLength.push({ bytes: Buffer.from(bytes.subarray(start, end)), frames })
  return frames
}

const unpack = (frame: Frame): Frame[] => (frame.type === 'batch' ? frame.data : [frame])
