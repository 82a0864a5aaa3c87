import { backOffMs } from './back-off.ts'
import type { Ack, Commands, Failure } from './frames.ts'

const MAX_PENDING = 1_000
const ACK_MS = 10_000
/** Slow mode may ask for six hours, in which nothing else would leave for that channel. */
const MAX_WAIT_MS = 60_000
const MAX_FRAME_BYTES = 16_384

/** A command that failed. `code` is one of docs/realtime.md, "Errors", or `closed`: the client has ended. */
export class RealtimeError extends Error {
  readonly code: string
  /** True when the same may succeed later: the client keeps too much already, or would have to wait for over a minute. */
  readonly temporary: boolean
  readonly retryAfterMs: number | undefined
  /** When a `muted` one may speak again, in ISO 8601. */
  readonly until: string | undefined

  constructor({ code, message, temporary, retry_after_ms, until }: Failure) {
    super(message)
    this.name = 'RealtimeError'
    this.code = code
    this.temporary = temporary
    this.retryAfterMs = retry_after_ms
    this.until = until
  }
}

type Pending = {
  text: string
  lane: string
  tries: number
  /** Runs while an answer is awaited, or after a temporary error; without one the command is due. */
  timer: ReturnType<typeof setTimeout> | undefined
  resolve: (ack: Ack) => void
  reject: (error: RealtimeError) => void
}

/** Commands until they are answered: sent again, unchanged, after 10 s and after every reconnect. */
export function createOutbox(transmit: (text: string) => void) {
  const pending = new Map<string, Pending>()
  let lastId = 0
  let isOpen = false
  let maxBytes = MAX_FRAME_BYTES
  let closed: RealtimeError | undefined

  /** Sends the first of each lane when it is due. Those behind it wait, so that they happen in the order given. */
  function pump(): void {
    if (!isOpen) return
    const busy = new Set<string>()
    for (const command of pending.values()) {
      if (command.timer === undefined && !busy.has(command.lane)) {
        wait(command, ACK_MS)
        transmit(command.text)
      }
      busy.add(command.lane)
    }
  }

  function wait(command: Pending, ms: number): void {
    clearTimeout(command.timer)
    command.timer = setTimeout(() => {
      command.timer = undefined
      pump()
    }, ms)
  }

  /** Answered: out of the way of those behind it. */
  function take(id: string): Pending | undefined {
    const command = pending.get(id)
    clearTimeout(command?.timer)
    pending.delete(id)
    pump()
    return command
  }

  return {
    /** Gives the `ack`. @throws RealtimeError also `limit_reached` (1,000 are unanswered), `too_large`, `closed` */
    async add<T extends keyof Commands>(type: T, data: Commands[T]): Promise<Ack> {
      if (closed) throw closed
      if (pending.size >= MAX_PENDING) throw failure('limit_reached', 'Too many commands are unanswered.', true)
      const id = String(++lastId)
      const text = JSON.stringify({ type, id, data: type === 'read' ? data : withNonce(data) })
      if (new TextEncoder().encode(text).length > maxBytes) throw failure('too_large', 'The command is too large.')
      return new Promise((resolve, reject) => {
        pending.set(id, { text, lane: laneOf(type, data, id), tries: 0, timer: undefined, resolve, reject })
        pump()
      })
    },
    accept: (ack: Ack): void => take(ack.id)?.resolve(ack),
    refuse(id: string, error: Failure): void {
      const command = pending.get(id)
      const mayRepeat = error.temporary && (error.retry_after_ms ?? 0) <= MAX_WAIT_MS
      if (command && mayRepeat) wait(command, error.retry_after_ms ?? backOffMs(command.tries++))
      else take(id)?.reject(new RealtimeError(error))
    },
    /** The server takes commands, each of at most `max` bytes. */
    opened(max: number): void {
      isOpen = true
      maxBytes = max
      pump()
    },
    disconnected(): void {
      isOpen = false
      for (const command of pending.values()) {
        clearTimeout(command.timer)
        command.timer = undefined
      }
    },
    /** Rejects everything unanswered, and everything that comes. */
    close(reason: string): void {
      closed = failure('closed', reason)
      for (const id of pending.keys()) take(id)?.reject(closed)
    },
  }
}

const failure = (code: string, message: string, temporary = false) => new RealtimeError({ code, message, temporary })

/** A lost ack must not turn what was done into a `conflict` when it is sent again. */
const withNonce = (data: { channel_id: string; nonce?: string | undefined }) => ({
  ...data,
  nonce: data.nonce ?? crypto.randomUUID(),
})

/** Commands of one lane must not overtake each other. Read markers may: they only rise, and each takes a second. */
const laneOf = (type: keyof Commands, data: Commands[keyof Commands], id: string) =>
  type === 'read' ? id : `${type.split('.')[0]} ${data.channel_id}`
