import { createChannels } from './channels.ts'
import { type Ending, keepConnected, type Server } from './connection.ts'
import type { ChannelEvent, Hello, Notice, Position, Reset, Resumed, ServerFrame } from './frames.ts'
import { createOutbox } from './outbox.ts'

export type { Ending } from './connection.ts'
export type * from './frames.ts'
export { RealtimeError } from './outbox.ts'

const RESUME_ID = 'resume'
/** The server refuses a `resume` that names more. */
const MAX_NAMED = 500
const TYPING_MS = 3_000

export type State =
  /** With `after` and `retryMs`: what ended the last connection, and in how long the next try begins. */
  | { state: 'connecting'; after?: Ending; retryMs?: number }
  /**
   * What was missed is delivered, up to 512 events or 256 KiB; the rest follows by itself. `channels` are all of the user's,
   * each up to where it was sent.
   */
  | { state: 'open'; channels: Resumed['channels'] }
  /** For good: by `close()`, a final close code, or a refused ticket (401: the token is not valid). */
  | ({ state: 'closed' } & Ending)

export type Options = Server & {
  /** Where to go on, from `positions()` or the headers of a page of history; other channels begin at their head. */
  streams?: Record<string, Position>
  /** Every event of every channel, once, in the channel's order. It counts as processed when this returns. */
  onEvent: (event: ChannelEvent) => void
  /** What is known of this channel is void: load it by REST. Events after `head` follow by themselves. */
  onReset?: (channelId: string, reset: Reset) => void
  onState?: (state: State) => void
  onNotice?: (notice: Notice) => void
}

export type SendOptions = { threadId?: string; attachments?: string[]; nonce?: string }

/** What the server stored; `duplicate` when it already had a message of this nonce. */
export type Sent = { messageId: string; seq: number; createdAt: string; duplicate: boolean }

export type Client = ReturnType<typeof connect>

/** Connects, and stays connected until `close()` or an ending that is final (docs/realtime.md, "How a socket ends"). */
export function connect(options: Options) {
  const { onEvent, onReset, onState, onNotice } = options
  const typedAt = new Map<string, number>()
  let phase: State['state'] = 'connecting'
  let hello: Hello | undefined
  let focused: string[] | undefined

  const connection = keepConnected(options, {
    onConnecting: () => enter({ state: 'connecting' }),
    onFrame: (text) => receive(decode(text)),
    onEnded(ending, retryMs) {
      channels.disconnected()
      outbox.disconnected()
      if (retryMs !== undefined) return enter({ state: 'connecting', after: ending, retryMs })
      channels.stop()
      outbox.close(ending.reason)
      enter({ state: 'closed', ...ending })
    },
  })
  const outbox = createOutbox(connection.transmit)
  const channels = createChannels(options.streams ?? {}, {
    transmit,
    onEvent: (event) => guard(() => onEvent(event)),
    onReset: (channelId, reset) => guard(() => onReset?.(channelId, reset)),
  })

  const handlers: Handlers = {
    batch: ({ data }) => data.forEach(receive),
    hello({ data }) {
      hello = data
      // Of channels that are not named `resumed` says how far they are, and `sync` brings what is missing.
      const streams = Object.fromEntries(Object.entries(channels.positions()).slice(0, MAX_NAMED))
      transmit({ type: 'resume', id: RESUME_ID, data: { streams } })
    },
    resumed({ data }) {
      channels.resumed(data)
      connection.beat(hello!.ping_interval_ms)
      // The server knows the focus of a socket and not of a user.
      if (focused) transmitFocus(focused)
      enter({ state: 'open', channels: data.channels })
      outbox.opened(hello!.max_frame)
    },
    replay: ({ ch, data }) => channels.take(ch, data.events),
    heads: ({ data }) => channels.heads(data),
    reset: ({ ch, data }) => channels.reset(ch, data),
    ack: (frame) => outbox.accept(frame),
    error({ id = '', data }) {
      if (id === RESUME_ID) connection.drop({ code: 4000, reason: data.code })
      else outbox.refuse(id, data)
    },
    reconnect: ({ data }) => connection.postpone(data.after_ms),
    'channel.added'(frame) {
      channels.added(frame.ch, frame.data)
      notify(frame)
    },
    'channel.gone'(frame) {
      channels.forget(frame.ch)
      notify(frame)
    },
    'read.updated': notify,
    typing: notify,
    presence: notify,
  }

  /** Numbered events are taken whatever their type: what a newer server adds must not look like a gap. */
  function receive(frame: ServerFrame): void {
    if (phase === 'closed') return
    const handle = handlers[frame.type as keyof Handlers]
    if (handle) handle(frame as never)
    else if ('seq' in frame && frame.ch) channels.take(frame.ch, [frame as ChannelEvent])
  }

  function transmit(frame: object): void {
    connection.transmit(JSON.stringify(frame))
  }

  function transmitFocus(channelIds: string[]): void {
    transmit({ type: 'focus', data: { channel_ids: channelIds } })
  }

  function notify(notice: Notice): void {
    guard(() => onNotice?.(notice))
  }

  function enter(state: State): void {
    // A callback may have closed the client in the middle of a frame.
    if (phase === 'closed') return
    phase = state.state
    guard(() => onState?.(state))
  }

  return {
    /**
     * A command as on the wire; gives its `ack`. It is done once, however often the connection breaks.
     * @throws RealtimeError when refused for good or for more than a minute, or closed
     */
    request: outbox.add,
    /** Stores a message. @throws RealtimeError as `request` */
    async send(channelId: string, content: string, options: SendOptions = {}): Promise<Sent> {
      const { threadId: thread_id, attachments, nonce } = options
      const ack = await outbox.add('message.send', { channel_id: channelId, content, nonce, thread_id, attachments })
      const { message_id, created_at, duplicate } = ack.data
      return { messageId: message_id, seq: ack.seq, createdAt: created_at, duplicate } as Sent
    },
    /** For every key stroke: at most one frame in 3 s leaves, none while not open. */
    typing(channelId: string, threadId?: string): void {
      if (phase !== 'open' || Date.now() - (typedAt.get(channelId) ?? 0) < TYPING_MS) return
      typedAt.set(channelId, Date.now())
      transmit({ type: 'typing', data: { channel_id: channelId, thread_id: threadId } })
    },
    /** All that is on the screen, at most 20: `presence` comes for these. Each new connection is told again. */
    focus(channelIds: string[]): void {
      focused = channelIds
      if (phase === 'open') transmitFocus(channelIds)
    },
    /**
     * The network may have changed, as `online`, `offline` and `visibilitychange` of a browser say: a line that gives no answer
     * within 5 s is dropped, and a wait after a cut ends now.
     */
    check: connection.check,
    /** How far each channel was processed; to be stored and given as `streams`. */
    positions: channels.positions,
    /** Ends the connection. What is unanswered is rejected as `closed`, though the server may have stored it. */
    close: connection.close,
  }
}

type Handlers = {
  [T in Exclude<ServerFrame['type'], ChannelEvent['type']>]: (frame: Extract<ServerFrame, { type: T }>) => void
}

/** What cannot be read counts as an unknown frame; if it was an event, the next one shows the gap. */
function decode(text: string): ServerFrame {
  try {
    return JSON.parse(text)
  } catch {
    return { type: 'batch', data: [] }
  }
}

/** An error of the user's code goes where uncaught errors go, and the frames after it are still read. */
function guard(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
