import { z } from '@hono/zod-openapi'
import { id, maybeId, moment } from '../../../http/fields.ts'
import { integer, text } from '../../../lib/wire-fields.ts'
import { Person, seq } from '../../channels/schemas/channel.ts'
import { EVENT_DATA } from '../../channels/schemas/event-data.ts'

/** Codes of `error` frames: the words of REST, where it has them. */
const SOCKET_ERRORS = [
  'bad_request',
  'unauthorized',
  'forbidden',
  'not_found',
  'banned',
  'muted',
  'rate_limit_exceeded',
  'nonce_conflict',
  'conflict',
  'limit_reached',
  'gone',
  'unavailable',
] as const
export type SocketError = (typeof SOCKET_ERRORS)[number]

type EventType = keyof typeof EVENT_DATA

const epoch = integer(1)
const ms = integer(0)
const answersTo = text(64).min(1)
const Place = z.strictObject({ epoch, seq, read_seq: seq })
const Refusal = z.strictObject({
  code: z.enum(SOCKET_ERRORS),
  message: text(400),
  temporary: z.boolean(),
  retry_after_ms: ms.optional(),
  until: moment.optional(),
})

const framed = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), ...shape })

const typesOf = Object.keys(EVENT_DATA) as EventType[]
const event = <T extends EventType>(type: T) => framed(type, { ch: id, seq, ts: moment, data: EVENT_DATA[type] })

/** The frames of what members can see change. */
export const EVENT_FRAMES = Object.fromEntries(typesOf.map((type) => [type, event(type)])) as {
  [T in EventType]: ReturnType<typeof event<T>>
}

const [first, ...others] = Object.values(EVENT_FRAMES)
const AnyEvent = z.discriminatedUnion('type', [first!, ...others])

const PresenceFrame = framed('presence', {
  ch: id,
  data: z.union([
    z.strictObject({ user_id: id, state: z.enum(['online', 'away', 'offline']) }),
    z.strictObject({ online: integer(0) }),
  ]),
})

const BatchedFrame = z.discriminatedUnion('type', [first!, ...others, PresenceFrame])

/** All other frames of `chat.v1`. Each is all that the server sends: a test fails on a field that is not here. */
export const CONTROL_FRAMES = {
  hello: framed('hello', {
    data: z.strictObject({
      conn_id: id,
      user: Person,
      ping: text(32),
      ping_interval_ms: ms,
      max_frame: integer(1),
      credit: z.strictObject({ events: integer(1), bytes: integer(1) }),
    }),
  }),
  replay: framed('replay', {
    ch: id,
    data: z.strictObject({ from: seq, to: seq, events: z.array(AnyEvent).min(1).max(200), more: z.boolean() }),
  }),
  resumed: framed('resumed', {
    id: answersTo.optional(),
    data: z.strictObject({ channels: z.record(z.uuid(), Place) }),
  }),
  reset: framed('reset', {
    ch: id,
    data: z.strictObject({
      reason: z.enum(['epoch', 'ahead', 'too_old', 'not_member']),
      epoch: epoch.nullable(),
      head: integer(0).nullable(),
    }),
  }),
  heads: framed('heads', { data: z.record(z.uuid(), seq) }),
  ack: framed('ack', {
    id: answersTo,
    ch: id,
    seq: seq.optional(),
    data: z.union([z.strictObject({ message_id: id, created_at: moment, duplicate: z.boolean() }), z.strictObject({})]),
  }),
  error: framed('error', { id: answersTo.optional(), data: Refusal }),
  batch: framed('batch', {
    data: z.array(BatchedFrame).min(2).max(100),
  }),
  'channel.added': framed('channel.added', { ch: id, data: Place }),
  'channel.gone': framed('channel.gone', { ch: id, data: z.strictObject({}) }),
  'read.updated': framed('read.updated', { ch: id, data: z.strictObject({ read_seq: seq }) }),
  typing: framed('typing', {
    ch: id,
    data: z.strictObject({ user_id: id, thread_id: maybeId, run_id: id.optional() }),
  }),
  presence: PresenceFrame,
  reconnect: framed('reconnect', { data: z.strictObject({ after_ms: ms }) }),
  pong: framed('pong', {}),
} as const satisfies Record<string, z.ZodType>

/** The frames of contract 3, with its fields and no others, but for `data` of an error. Besides there is `pong`. */
export const SEED_FRAMES = {
  message: framed('message', {
    data: z.strictObject({
      id,
      content: text(8_000),
      user: Person.pick({ username: true, display_name: true }),
      channel_id: id,
      created_at: moment,
    }),
  }),
  error: framed('error', { error: text(400), data: Refusal }),
} as const satisfies Record<string, z.ZodType>
