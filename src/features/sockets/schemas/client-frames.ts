import { z } from '@hono/zod-openapi'
import { id } from '../../../http/fields.ts'
import { MAX_CHANNELS } from '../../../lib/channel-commands.ts'
import { isEmoji } from '../../../lib/channel-text.ts'
import { shapeFault } from '../../../lib/json-shape.ts'
import { integer, text } from '../../../lib/wire-fields.ts'
import { content, editedContent, NOTHING, nonce, said, saysSomething, version } from '../../channels/schemas/said.ts'

const seq = integer(0)
const position = z.strictObject({ epoch: integer(1), seq })
const emoji = text(64)
  .transform((text) => text.normalize('NFC'))
  .refine(isEmoji, 'One emoji, or a :name:')
const message = { channel_id: id, message_id: id, nonce: nonce.optional() }
const bounded = <S extends z.ZodType>(value: S) =>
  z
    .record(z.uuid(), value)
    .refine((map) => Object.keys(map).length <= MAX_CHANNELS, `At most ${MAX_CHANNELS} channels`)
    .meta({ maxProperties: MAX_CHANNELS })

/** What a client may send, by type: the data of each frame. */
export const CLIENT_DATA = {
  resume: z.strictObject({ streams: bounded(position) }),
  sync: z.strictObject({ ch: id, after: seq }),
  recv: bounded(seq),
  'message.send': z.strictObject({ ...said, channel_id: id, nonce }).refine(saysSomething, NOTHING),
  'message.edit': z.strictObject({ ...message, content: editedContent, version: version.optional() }),
  'message.delete': z.strictObject(message),
  'reaction.add': z.strictObject({ ...message, emoji }),
  'reaction.remove': z.strictObject({ ...message, emoji }),
  read: z.strictObject({ channel_id: id, seq }),
  typing: z.strictObject({ channel_id: id, thread_id: id.nullable().optional() }),
  focus: z.strictObject({ channel_ids: z.array(id).max(20) }),
} as const satisfies Record<string, z.ZodType>

type ClientType = keyof typeof CLIENT_DATA
/** A frame that was understood. `id` ties the answer to it. */
export type ClientFrame = {
  [T in ClientType]: { type: T; id: string | undefined; data: z.infer<(typeof CLIENT_DATA)[T]> }
}[ClientType]

/** Around each of them. */
export const Envelope = z.strictObject({
  type: text(40),
  id: text(64).min(1).optional(),
  data: z.unknown().optional(),
})

/** Why a frame was not understood. What is no frame at all is `undecodable`; several of those end the socket. */
export type FrameFault = { fault: string; id: string | undefined; isUndecodable: boolean }

/** Reads a frame of `chat.v1`. */
export function readClientFrame(text: string): ClientFrame | FrameFault {
  const json = parse(text)
  if (json === undefined) return { fault: 'This is not valid JSON', id: undefined, isUndecodable: true }
  const envelope = Envelope.safeParse(json)
  if (!envelope.success) {
    return { fault: 'A frame is {"type", "id"?, "data"}', id: undefined, isUndecodable: true }
  }
  const { type, id, data } = envelope.data
  const misshapen = shapeFault(json)
  if (misshapen) return unreadable(misshapen.pointer, misshapen.detail, id)
  if (!Object.hasOwn(CLIENT_DATA, type)) return { fault: 'This type is not known here', id, isUndecodable: false }
  const parsed = CLIENT_DATA[type as ClientType].safeParse(data)
  if (parsed.success) return { type, id, data: parsed.data } as ClientFrame
  const [issue] = parsed.error.issues
  return unreadable(['/data', ...issue!.path].join('/'), issue!.message, id)
}

const unreadable = (pointer: string, detail: string, id: string | undefined): FrameFault => ({
  fault: `${pointer.slice(0, 100)}: ${detail.slice(0, 200)}`,
  id,
  isUndecodable: false,
})

/** What a client of contract 3 may send. */
export const SeedFrame = z.strictObject({
  content: content.refine((text) => text.trim() !== '', 'Say something'),
  channel_id: id,
})

export function readSeedFrame(text: string): z.infer<typeof SeedFrame> | 'ping' | FrameFault {
  const json = parse(text)
  if (json === undefined) return { fault: 'This is not valid JSON', id: undefined, isUndecodable: true }
  if ((json as { type?: unknown } | null)?.type === 'ping') return 'ping'
  const misshapen = shapeFault(json)
  if (misshapen) return unreadable(misshapen.pointer, misshapen.detail, undefined)
  const parsed = SeedFrame.safeParse(json)
  if (parsed.success) return parsed.data
  return { fault: 'Send {"content", "channel_id"}', id: undefined, isUndecodable: false }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
