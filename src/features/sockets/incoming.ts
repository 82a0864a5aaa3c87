import { describeError, type Log } from '../../http/log.ts'
import type { Command, Outcome } from '../../lib/channel-commands.ts'
import { mentionedNames } from '../../lib/channel-text.ts'
import { CLOSE } from '../../lib/close-codes.ts'
import { newId } from '../../lib/ids.ts'
import { sendCommand } from '../../lib/send-command.ts'
import { toTimestamp } from '../../lib/timestamps.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import type { Connection } from './connection.ts'
import { errorFrame, FAILED, faultOf, frame, MAX_FRAME, MAX_RESUME, PONG } from './frames.ts'
import { type ClientFrame, type FrameFault, readClientFrame, readSeedFrame } from './schemas/client-frames.ts'
import type { Position } from './streams.ts'

/** What a client can bring about, beside being answered. */
type Actions = {
  submit: (channelId: string, command: Command) => Promise<Outcome>
  resume: (connection: Connection, id: string | undefined, streams: Record<string, Position>) => Promise<void>
  sync: (connection: Connection, channelId: string, after: number) => void
  confirm: (connection: Connection, positions: Record<string, number>) => void
  read: (connection: Connection, channelId: string, seq: number, id: string | undefined) => void
  type: (connection: Connection, channelId: string, threadId: string | null) => void
  focus: (connection: Connection, channelIds: string[]) => void
  log: Log
}

/** Takes what comes in over a socket. Whatever it is, it is answered, or ends the socket with a code that says why. */
export async function takeFrame(
  connection: Connection,
  message: string | ArrayBuffer,
  actions: Actions,
): Promise<void> {
  const now = Date.now()
  const waitMs = connection.countFrame(now)
  if (waitMs === 'abuse') return connection.close(CLOSE.abuse)
  if (typeof message !== 'string') return refuse(connection, undecodable('Frames are text'), now)
  const most = connection.isReady ? MAX_FRAME : MAX_RESUME
  if (message.length > most || utf8Length(message) > most) return connection.close(CLOSE.tooLarge)
  try {
    if (connection.isSeed) await takeSeedFrame(connection, message, waitMs, now, actions)
    else await takeChatFrame(connection, message, waitMs, now, actions)
  } catch (error) {
    actions.log('error', 'frame_failed', describeError(error))
    const read = connection.isSeed ? undefined : readClientFrame(message)
    connection.send(errorFrame(FAILED, read?.id, connection.isSeed))
  }
}

async function takeChatFrame(
  connection: Connection,
  message: string,
  waitMs: number,
  now: number,
  actions: Actions,
): Promise<void> {
  const read = readClientFrame(message)
  if ('fault' in read) return refuse(connection, read, now)
  if (waitMs > 0) return tooFast(connection, waitMs, read.id)
  await take(connection, read, actions)
}

async function take(connection: Connection, read: ClientFrame, actions: Actions): Promise<void> {
  const { id } = read
  if (read.type === 'resume') {
    if (!connection.isReady) return actions.resume(connection, id, read.data.streams)
    return connection.send(
      errorFrame({ code: 'conflict', message: 'It has resumed: `sync` brings what is missing' }, id),
    )
  }
  if (!connection.isReady) {
    return connection.send(errorFrame({ code: 'bad_request', message: 'The first frame is `resume`' }, id))
  }
  switch (read.type) {
    case 'sync':
      return actions.sync(connection, read.data.ch, read.data.after)
    case 'recv':
      return actions.confirm(connection, read.data)
    case 'typing':
      return actions.type(connection, read.data.channel_id, read.data.thread_id ?? null)
    case 'focus':
      return actions.focus(connection, read.data.channel_ids)
    case 'read':
      return actions.read(connection, read.data.channel_id, read.data.seq, id)
    default:
      return command(connection, read, actions)
  }
}

type CommandFrame = Extract<
  ClientFrame,
  { data: { channel_id: string; message_id: string } } | { type: 'message.send' }
>

async function command(connection: Connection, read: CommandFrame, actions: Actions): Promise<void> {
  const { channel_id } = read.data
  const outcome = await actions.submit(channel_id, await connection.inOrder(() => toCommand(connection, read)))
  if (!outcome.ok) return connection.send(errorFrame(faultOf(outcome), read.id))
  if (read.id === undefined) return
  const { message, seq } = outcome
  const data = message
    ? {
        message_id: message.id,
        created_at: toTimestamp(message.created_at),
        duplicate: message.duplicate,
      }
    : {}
  connection.send(frame('ack', { id: read.id, ch: channel_id, seq, data }))
}

async function toCommand({ identity }: Connection, read: CommandFrame): Promise<Command> {
  const actor = identity.userId
  if (read.type === 'message.send') {
    const { nonce, content, thread_id: threadId, attachments } = read.data
    return sendCommand({ actor, id: newId(), nonce, content, threadId, attachments })
  }
  const { channel_id: _, nonce, ...data } = read.data
  const repeatable = { actor, command_id: nonce === undefined ? newId() : `${actor} ${nonce}` }
  if (read.type !== 'message.edit') return { type: read.type, ...repeatable, ...data } as Command
  const { message_id, content, version } = read.data
  return { type: read.type, ...repeatable, message_id, content, version, names: mentionedNames(content) }
}

async function takeSeedFrame(
  connection: Connection,
  message: string,
  waitMs: number,
  now: number,
  { submit }: Actions,
): Promise<void> {
  const read = readSeedFrame(message)
  if (read === 'ping') return connection.sendSeed(PONG, now)
  if ('fault' in read) return refuse(connection, read, now)
  if (waitMs > 0) return tooFast(connection, waitMs, undefined)
  const id = newId()
  const said = { actor: connection.identity.userId, id, nonce: id, threadId: null, attachments: [] }
  const outcome = await submit(
    read.channel_id,
    await connection.inOrder(() => sendCommand({ ...said, content: read.content })),
  )
  if (!outcome.ok) connection.sendSeed(errorFrame(faultOf(outcome), undefined, true), now)
}

const undecodable = (fault: string): FrameFault => ({ fault, id: undefined, isUndecodable: true })

/** Three frames that nobody can read, in a minute, end the socket. */
function refuse(connection: Connection, { fault, id, isUndecodable }: FrameFault, now: number): void {
  connection.send(errorFrame({ code: 'bad_request', message: fault }, id, connection.isSeed))
  if (isUndecodable && connection.countBadFrame(now)) connection.close(CLOSE.badFrames)
}

function tooFast(connection: Connection, retryAfterMs: number, id: string | undefined): void {
  const fault = { code: 'rate_limit_exceeded', message: 'Too many frames', retryAfterMs } as const
  connection.send(errorFrame(fault, id, connection.isSeed))
}
