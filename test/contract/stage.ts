import type { Document, Found } from '../support/contract.ts'
import { type Input, pathOf, type Sent } from './requests.ts'
import { resolved } from './resolve.ts'
import type { Scene } from './scenes.ts'
import { checkByAjv } from './schemas.ts'
import { type Made, type Maker, type Person, sentBy, type World } from './world.ts'

/** An operation with all that is needed to ask for it. */
export type Stage = { document: Document; found: Found; scene: Scene; world: World }

/** A request before it goes out, by somebody who may send it, and what it is about. */
export type Prepared = { made: Made; by: Person | undefined; path: string; input: Input; sent: Sent }

const NOTHING: Maker = async () => ({ things: {} })

export const isOfAdmins = ({ operation }: Found): boolean => operation.security!.some((scheme) => 'admin' in scheme)
export const isOpen = ({ operation }: Found): boolean =>
  operation.security!.every((scheme) => Object.keys(scheme).length === 0)

/** The request with things of the owner's: of its own when it may change them, and once for all that change nothing. */
export async function prepare(stage: Stage, input: Input, changes: boolean): Promise<Prepared> {
  return prepareWith(stage, input, await makeOwn(stage, input, changes))
}

export async function makeOwn({ scene, found, world }: Stage, input: Input, changes = false): Promise<Made> {
  const make = scene.make ?? NOTHING
  return changes && found.method !== 'GET' ? make(world, input) : world.once('own', () => make(world, input))
}

/** What somebody else has of it. */
export async function makeForeign({ scene, world }: Stage, input: Input): Promise<Made> {
  const make = scene.foreign ?? scene.make ?? NOTHING
  const there = world.ofOther
  return there.once('foreign', () => make(there, input))
}

export async function prepareWith({ found, world }: Stage, given: Input, made: Made): Promise<Prepared> {
  const { admin, owner } = world.people
  const by = isOpen(found) ? undefined : isOfAdmins(found) ? admin : (made.by ?? owner)
  const input = await resolved(given, made.things, world)
  const path = pathOf(found.template, made.things)
  return { made, by, path, input, sent: sentBy(by, found.method, path, input) }
}

/** Finds a mistake of ours: what is said to be valid has to be so by the document. */
export function mustBeValid({ document, found }: Stage, { body }: Input): void {
  const schema = body && found.operation.requestBody!.content[body.type]?.schema
  if (!schema || !/json$|urlencoded$/.test(body.type)) return
  const fault = checkByAjv(document, schema, body.value)
  if (fault) throw new Error(`No valid body was made: ${fault}\n${JSON.stringify(body.value)}`)
}
