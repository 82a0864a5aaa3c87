import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Schema, Validator } from '@cfworker/json-schema'
import { expect, test } from 'vitest'
import { EVENT_DATA } from '../src/features/channels/schemas/event-data.ts'
import { describeSockets } from '../src/features/sockets/schemas/asyncapi.ts'
import { CLIENT_DATA, readClientFrame, readSeedFrame } from '../src/features/sockets/schemas/client-frames.ts'
import { CONTROL_FRAMES, EVENT_FRAMES, SEED_FRAMES } from '../src/features/sockets/schemas/server-frames.ts'

type Ref = { $ref: string }
type Message = { summary?: string; payload: Ref; examples: { payload: unknown }[] }
type Operation = { action: string; channel: Ref; messages: Ref[]; reply?: { channel: Ref; messages: Ref[] } }
type Document = {
  channels: Record<string, { messages: Record<string, Ref> }>
  operations: Record<string, Operation>
  components: { messages: Record<string, Message>; schemas: Record<string, Schema> }
}

const document = JSON.parse(JSON.stringify(describeSockets())) as Document
const { channels, operations, components } = document

/** What AsyncAPI says of its own documents, without the references between its files. */
const specification = () => {
  const path = fileURLToPath(import.meta.resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json'))
  return JSON.parse(readFileSync(path, 'utf8')) as Schema
}

test('the document is one of AsyncAPI 3, and a document that is none is caught', () => {
  const validator = new Validator(specification(), '7', false)
  const faultsOf = (value: unknown) =>
    validator.validate(value).errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`)
  expect(faultsOf(document)).toEqual([])
  const { action: _, ...wrong } = operations['server.push']!
  expect(faultsOf({ ...document, operations: { wrong } })).not.toEqual([])
  expect(faultsOf({ ...document, channels: { chat: { adress: '/ws' } } })).not.toEqual([])
})

test('every reference leads somewhere', () => {
  const find = (ref: string) =>
    ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document)
  const refs: string[] = []
  JSON.stringify(document, (key, value) => {
    if (key === '$ref') refs.push(value)
    return value
  })
  expect(refs.length).toBeGreaterThan(100)
  expect(refs.filter((ref) => !ref.startsWith('#/') || find(ref) === undefined)).toEqual([])
})

test('every type of frame that is read or sent is a message with words, in a channel and an operation', () => {
  const typesOf = (prefix: string, types: object) => Object.keys(types).map((type) => `${prefix}.${type}`)
  const received = ['client.ping', ...typesOf('client', CLIENT_DATA), 'seed.send']
  const sent = [...typesOf('event', EVENT_DATA), ...typesOf('server', CONTROL_FRAMES), ...typesOf('seed', SEED_FRAMES)]
  expect(Object.keys(EVENT_FRAMES).sort()).toEqual(Object.keys(EVENT_DATA).sort())
  expect(Object.keys(components.messages).sort()).toEqual([...received, ...sent].sort())
  const ofAction = (action: string) =>
    Object.values(operations)
      .filter((operation) => operation.action === action)
      .flatMap(({ messages }) => messages.map(({ $ref }) => $ref.split('/').at(-1)!))
  expect([...new Set(ofAction('receive'))].sort()).toEqual(received.sort())
  expect([...new Set(ofAction('send'))].sort()).toEqual(sent.sort())
  for (const [name, { summary }] of Object.entries(components.messages))
    expect([name, summary]).not.toContain(undefined)
})

test('every operation has messages of its own channel alone', () => {
  const inChannels = Object.values(operations).flatMap(({ channel, messages, reply }) => [
    { channel, messages },
    ...(reply ? [reply] : []),
  ])
  for (const { channel, messages } of inChannels) {
    const { messages: known } = channels[channel.$ref.replace('#/channels/', '')]!
    expect(messages.length).toBeGreaterThan(0)
    for (const { $ref } of messages) {
      expect($ref.startsWith(`${channel.$ref}/messages/`) && $ref.split('/').at(-1)! in known).toBe(true)
    }
  }
})

test('every example is a frame: by the document, and by the schemas that the server uses', () => {
  const byType = { event: EVENT_FRAMES, server: CONTROL_FRAMES, seed: SEED_FRAMES } as const
  for (const [name, { payload, examples }] of Object.entries(components.messages)) {
    expect(examples.length, name).toBeGreaterThan(0)
    for (const { payload: example } of examples) {
      const { errors } = new Validator({ ...payload, components } as Schema, '7', false).validate(example)
      expect([name, errors]).toEqual([name, []])
      const [from, type] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)]
      if (name === 'client.ping') continue
      if (name === 'seed.send') expect(readSeedFrame(JSON.stringify(example))).toEqual(example)
      else if (from === 'client')
        expect([name, readClientFrame(JSON.stringify(example))]).toMatchObject([name, { type }])
      else {
        const schemas: Record<string, { safeParse: (value: unknown) => { error?: unknown } }> =
          byType[from as keyof typeof byType]
        expect([name, schemas[type]!.safeParse(example).error]).toEqual([name, undefined])
      }
    }
  }
})
