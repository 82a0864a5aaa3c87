import { randomBytes } from 'node:crypto'
import { Fresh, Ref } from './known.ts'
import type { Input } from './requests.ts'
import * as things from './things.ts'
import type { Things, World } from './world.ts'

const EMPTY: Input = { query: {}, headers: {} }

/** What the owner of a world has when nothing was made for the request. */
const REFS: Record<string, (world: World) => Promise<unknown>> = {
  project: async (world) => (await things.project(world, EMPTY)).things.id,
  file: async (world) => (await things.file(world, EMPTY)).things.id,
  conversation: async (world) => (await things.conversation(world, EMPTY)).things.id,
  channel: async (world) => (await things.channel(world, EMPTY)).things.id,
  guest_name: async ({ people }) => people.guest.username,
  other_name: async ({ people }) => people.other.username,
  export: async (world) => (await world.ask(world.people.owner, 'GET', '/api/v1/export')).text,
}

/** The input with what its refs stand for: of the things that were made for it, or else of the owner's. */
export async function resolved(input: Input, made: Things, world: World): Promise<Input> {
  const { query, headers, body } = input
  const at = (value: unknown) => replace(value, made, world)
  return {
    query: (await at(query)) as Input['query'],
    headers: (await at(headers)) as Input['headers'],
    ...(body && { body: { type: body.type, value: await at(body.value) } }),
  }
}

async function replace(value: unknown, made: Things, world: World): Promise<unknown> {
  if (value instanceof Ref) return made[value.name] ?? world.once(`ref ${value.name}`, () => nameIn(value, world))
  if (value instanceof Fresh) return `${value.start}${randomBytes(9).toString('hex')}${value.end}`
  if (Array.isArray(value)) return Promise.all(value.map((each) => replace(each, made, world)))
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  const entries = Object.entries(value).map(async ([name, each]) => [name, await replace(each, made, world)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

function nameIn({ name }: Ref, world: World): Promise<unknown> {
  const make = REFS[name]
  if (!make) throw new Error(`Nothing is called ${name}`)
  return make(world)
}
