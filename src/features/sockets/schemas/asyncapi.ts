import { z } from '@hono/zod-openapi'
import { Person, PushedChannel } from '../../channels/schemas/channel.ts'
import { ChannelMessage } from '../../channels/schemas/message.ts'
import { Attachment } from '../../files/schemas.ts'
import { CLIENT_DATA, Envelope, SeedFrame } from './client-frames.ts'
import { type Schema, type Schemas, sampleOf } from './samples.ts'
import { CONTROL_FRAMES, EVENT_FRAMES, SEED_FRAMES } from './server-frames.ts'

const DESCRIPTION = `What is said over Parley’s WebSockets. The schemas are those by which frames are read, and by which tests judge what is
sent; docs/realtime.md is the protocol in words. Operations are those of the server: it receives what clients send.`

const MIT = { name: 'MIT', url: 'https://opensource.org/license/mit' }

/** Of each message a line for people. The keys are those of the document: who sends it, then its type. */
const SUMMARIES: Record<string, string> = {
  'client.ping': 'I am there: exactly this text, each 25 s. The answer is `pong`',
  'client.resume': 'The first frame: what I have of which channel. Others begin with what comes next',
  'client.sync': 'Send me what comes after this number',
  'client.recv': 'I have processed these channels up to these numbers',
  'client.message.send': 'Say something; in a public channel whoever does joins it',
  'client.message.edit': 'Change my own words, if they still are of that version',
  'client.message.delete': 'Delete a message: my own, or as a moderator anybody’s',
  'client.reaction.add': 'React to a message',
  'client.reaction.remove': 'Take a reaction back',
  'client.read': 'I have read up to here; it never goes back',
  'client.typing': 'I am typing; told at most once in three seconds',
  'client.focus': 'These channels are on my screen: show me who is there',
  'event.message': 'Somebody has said something. Its author gets their `nonce` with it',
  'event.message.updated': 'A message says something else now',
  'event.message.deleted': 'A message is gone, and with it its pin and its reactions',
  'event.reaction.added': 'Somebody reacted; `count` is how many there are now',
  'event.reaction.removed': 'Somebody took a reaction back; `count` is how many are left',
  'event.pin.added': 'A message was pinned',
  'event.pin.removed': 'A pin was taken away',
  'event.member.joined': 'Somebody is a member now',
  'event.member.left': 'Somebody left',
  'event.member.removed': 'Somebody was taken out',
  'event.member.banned': 'Somebody was banned, and is no member any more',
  'event.member.unbanned': 'A ban was lifted',
  'event.member.updated': 'Somebody has another role, or is muted until another time',
  'event.chatbot.failed':
    'A chatbot that was called will not answer; `code` says why, and `run_id` is null if it did not begin',
  'event.channel.updated': 'The channel has another name, description or setting',
  'event.channel.deleted': 'The channel is gone; this is its last event',
  'server.hello': 'The first frame: who you are here, and what the limits are',
  'server.replay': 'Events that the client had missed, in order',
  'server.resumed': 'All channels of the user, and up to where each was sent',
  'server.reset': 'What the client has of a channel is worth nothing: load it anew',
  'server.heads': 'How far channels have come, when the server does not know what the client has',
  'server.ack': 'It is done, and stored. Without `seq` it was so already',
  'server.error': 'Why a frame did nothing; `temporary` says whether to send it again',
  'server.batch': 'Several events in one frame, or who is there',
  'server.channel.added': 'The user is in another channel now',
  'server.channel.gone': 'Nothing follows from this channel',
  'server.read.updated': 'The user has read up to here, on whichever device',
  'server.typing': 'Somebody is typing: show it for five seconds. A chatbot has a `run_id`, which can be followed',
  'server.presence': 'Whether somebody is there; of large channels how many are',
  'server.reconnect': 'Come again soon; the socket closes with 4100',
  'server.pong': 'The answer to `ping`',
  'seed.send': 'Say something',
  'seed.message': 'Somebody has said something',
  'seed.error': 'Why nothing was said',
}

/** What answers a frame of a client, if anything does. */
const ANSWERS: Partial<Record<string, string[]>> = {
  'client.ping': ['server.pong'],
  'client.resume': ['server.resumed', 'server.error'],
  ...Object.fromEntries(
    Object.entries(CLIENT_DATA)
      .filter(([type]) => /^(message|reaction)\.|^read$/.test(type))
      .map(([type]) => [`client.${type}`, ['server.ack', 'server.error']]),
  ),
}

const SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token, where headers can be sent',
  },
  ticket: {
    type: 'httpApiKey',
    in: 'query',
    name: 'ticket',
    description: 'From `POST /api/v1/ws/tickets`: it opens one socket, within 30 s',
  },
  ticketProtocol: {
    type: 'httpApiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: '`chat.v1, ticket.<ticket>`: the same ticket, where it should not be in an address',
  },
  token: { type: 'httpApiKey', in: 'query', name: 'token', description: 'An access token, as contract 3 sends it' },
}
const secured = (...names: (keyof typeof SCHEMES)[]) =>
  names.map((name) => ({ $ref: `#/components/securitySchemes/${name}` }))

const CHANNELS = {
  chat: {
    address: '/api/v1/ws',
    title: 'chat.v1',
    description: 'All channels of a user over one socket, resumable. The sub-protocol is `chat.v1`',
    bindings: { ws: { method: 'GET', query: { type: 'object', properties: { ticket: { type: 'string' } } } } },
  },
  seed: {
    address: '/api/v1/ws/{username}',
    title: 'Contract 3',
    description: 'Messages as they come, and nothing else. With the sub-protocol `chat.v1` this is the other channel',
    parameters: { username: { description: 'Of the user whose token it is', examples: ['johndoe'] } },
    bindings: { ws: { method: 'GET', query: { type: 'object', properties: { token: { type: 'string' } } } } },
  },
}
const SECURITY = {
  chat: secured('bearer', 'ticket', 'ticketProtocol'),
  seed: secured('token', 'bearer'),
}
type ChannelName = keyof typeof CHANNELS

/** The AsyncAPI document of the sockets: `chat.v1` and the dialect of contract 3. */
export function describeSockets() {
  const received = {
    'client.ping': z.strictObject({ type: z.literal('ping') }),
    ...mapped('client', CLIENT_DATA, (data, type) =>
      z.strictObject({ ...Envelope.shape, type: z.literal(type), data }),
    ),
  }
  const pushed = { ...mapped('event', EVENT_FRAMES), ...mapped('server', CONTROL_FRAMES) }
  const heard = mapped('seed', SEED_FRAMES)
  const schemas: Schemas = {
    ...toSchemas({ ...received, 'seed.send': SeedFrame }, 'input'),
    ...toSchemas({ ...pushed, ...heard, Person, Attachment, ChannelMessage, PushedChannel }, 'output'),
  }
  const of: Record<ChannelName, string[]> = {
    chat: Object.keys({ ...received, ...pushed }),
    seed: ['seed.send', 'client.ping', ...Object.keys(heard), 'server.pong'],
  }
  return {
    asyncapi: '3.0.0',
    info: { title: 'Parley sockets', version: '1', description: DESCRIPTION, license: MIT },
    defaultContentType: 'application/json',
    servers: {
      deployed: { host: '{host}', protocol: 'wss', variables: { host: { default: 'chat.example.com' } } },
      local: { host: '127.0.0.1:8787', protocol: 'ws', description: 'As `npm run dev` starts it' },
    },
    channels: {
      chat: { ...CHANNELS.chat, messages: messagesOf(of.chat) },
      seed: { ...CHANNELS.seed, messages: messagesOf(of.seed) },
    },
    operations: {
      ...Object.fromEntries(Object.keys(received).map((name) => [name, operation('receive', 'chat', name)])),
      'server.push': operation('send', 'chat', ...Object.keys(pushed)),
      'seed.send': operation('receive', 'seed', 'seed.send'),
      'seed.ping': operation('receive', 'seed', 'client.ping'),
      'seed.push': operation('send', 'seed', ...Object.keys(heard), 'server.pong'),
    },
    components: {
      schemas,
      messages: Object.fromEntries(
        [...new Set([...of.chat, ...of.seed])].map((name) => [name, messageOf(name, schemas)]),
      ),
      securitySchemes: SCHEMES,
    },
  }
}

const mapped = <S extends z.ZodType>(
  prefix: string,
  schemas: Record<string, S>,
  to: (schema: S, type: string) => z.ZodType = (schema) => schema,
): Record<string, z.ZodType> =>
  Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [`${prefix}.${type}`, to(schema, type)]))

const messagesOf = (names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]))

function operation(action: 'send' | 'receive', channel: ChannelName, ...names: string[]) {
  const here = { $ref: `#/channels/${channel}` }
  const inHere = (messages: string[]) => messages.map((name) => ({ $ref: `${here.$ref}/messages/${name}` }))
  const answers = action === 'receive' ? ANSWERS[names[0]!] : undefined
  return {
    action,
    channel: here,
    summary: names.length === 1 ? SUMMARIES[names[0]!] : 'What the server tells a socket',
    security: SECURITY[channel],
    messages: inHere(names),
    ...(answers && { reply: { channel: here, messages: inHere(answers) } }),
  }
}

function messageOf(name: string, schemas: Schemas) {
  const schema = schemas[name]!
  return {
    name: name.slice(name.indexOf('.') + 1),
    summary: SUMMARIES[name],
    payload: { $ref: `#/components/schemas/${name}` },
    ...(schema.properties?.id && { correlationId: { location: '$message.payload#/id' } }),
    examples: [{ payload: sampleOf(schema, schemas) }],
  }
}

/** As JSON Schema, draft 7, each under its name. Formats are enough: the patterns that they stand for are long. */
function toSchemas(named: Record<string, z.ZodType>, io: 'input' | 'output'): Schemas {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    io,
    target: 'draft-7',
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => {
      if (jsonSchema.format) delete jsonSchema.pattern
    },
  })
  return Object.fromEntries(Object.entries(schemas).map(([id, { $id, $schema, ...schema }]) => [id, schema as Schema]))
}
