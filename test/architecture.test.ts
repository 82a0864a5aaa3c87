import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { expect, test } from 'vitest'
import { parseAst } from 'vitest/node'

/**
 * `to` is a path below src without its ending, or a package; empty when an import() computes its path. `typeOnly` is one that
 * is not there at run time: of `import { type A }` the compiler leaves `import {}`, which loads the file. `later` is an import().
 */
type Import = { to: string; local: boolean; typeOnly: boolean; later: boolean; names: string[] }

/** `uses` are members such as `Date.now`, and calls such as `fetch()` and `new Date()`. */
type Source = { file: string; imports: Import[]; uses: Set<string> }

/** The breaches of one rule in one file, each a sentence that says why. */
type Rule = (source: Source) => string[]

/**
 * What the files of a layer may import: paths of src, roles in a feature (`own schemas`, `other service`), packages.
 * `types` may be imported as types only.
 */
type Layer = { may: string[]; types?: string[]; packages: (name: string) => boolean; why: string }

const isHono = (name: string) => /^(hono|@hono)(\/|$)/.test(name)
const isDrizzle = (name: string) => /^drizzle-/.test(name)
const isNpm = (name: string) => !name.includes(':')

const domain: Layer = {
  may: [
    'own service',
    'own concept',
    'own schemas',
    'own wire',
    'other service',
    'db',
    'ai',
    'mail',
    'lib',
    'env',
    'http/errors',
    'http/log',
    'http/metrics',
  ],
  types: ['http/context'],
  packages: (name) => !isHono(name),
  why: 'services know no HTTP, so that a job or a test can call them, and of other features only the services',
}

/** Direction: index → app → areas → routes → service → db, ai, lib. */
const LAYERS: Record<string, Layer> = {
  index: {
    may: ['app', 'cron', 'http/method-override', 'other concept'],
    packages: () => false,
    why: 'index.ts is the Worker: it wires the app, the cron and the Durable Object classes, and nothing imports it',
  },
  cron: {
    may: ['db', 'http', 'other service', 'other concept'],
    packages: () => false,
    why: 'cron.ts is the list of what is done each minute: each feature knows how',
  },
  realtime: {
    may: ['other concept'],
    packages: () => false,
    why: 'realtime.ts is a Worker of two classes, and each of its deploys cuts all sockets: it has nothing else',
  },
  app: {
    may: ['areas', 'http', 'lib'],
    packages: () => false,
    why: 'app.ts is the table of contents of the API: it loads the areas and does nothing else',
  },
  areas: {
    may: ['other routes', 'http/create-app'],
    packages: () => false,
    why: 'an area mounts the routes of features, so that they load together, and does nothing else',
  },
  env: {
    may: ['ai', 'lib'],
    packages: () => false,
    why: 'env.ts is read by nearly every layer, so it must depend on hardly any',
  },
  http: {
    // Three files by name: the guard asks who is calling, and with which session or key.
    may: [
      'http',
      'env',
      'db',
      'mail',
      'lib',
      'features/auth/access-tokens',
      'features/auth/session-check',
      'features/chatbots/service/key-check',
    ],
    packages: () => true,
    why: 'http stands below the features and knows none of them, but for what the guard asks of auth',
  },
  routes: {
    may: [
      'own routes',
      'own schemas',
      'own wire',
      'own service',
      'own responses',
      'other schemas',
      'other wire',
      'other service',
      'other responses',
      'http',
      'lib',
    ],
    types: ['env'],
    packages: (name) => !isDrizzle(name),
    why: 'routes know no SQL: a handler translates between HTTP and a service, so that ownership is checked in one place',
  },
  responses: {
    may: ['own schemas', 'own wire', 'own service', 'other service', 'other responses', 'http', 'lib'],
    types: ['env'],
    packages: (name) => !isDrizzle(name),
    why: 'responses are for answers that several routes give and that are more than JSON, and know as little as routes',
  },
  schemas: {
    may: ['own schemas', 'other schemas', 'http', 'db', 'lib'],
    packages: (name) => /^(zod|@hono\/zod-openapi)(\/|$)/.test(name),
    why: 'schemas are the border between wire and code: they describe, and ask nobody',
  },
  wire: {
    may: ['own wire', 'other wire', 'db', 'lib'],
    types: ['own schemas', 'other schemas', 'own service', 'own concept'],
    packages: () => false,
    why: 'wire turns rows into what schemas describe, and knows them as types alone: whoever converts need not make them',
  },
  service: domain,
  concept: domain,
  db: {
    // The table of errors stands below everything that can raise one.
    may: ['db', 'lib', 'http/errors'],
    types: ['env'],
    packages: (name) => /^drizzle-orm(\/|$)/.test(name),
    why: 'db is tables and the client, so that it can be read and migrated without knowing who asks',
  },
  ai: {
    may: ['ai', 'lib'],
    types: ['env'],
    packages: (name) => isNpm(name) && !isHono(name) && !isDrizzle(name),
    why: 'ai turns messages into a reply: it must not know who asked or where the reply is stored',
  },
  mail: {
    may: ['mail', 'lib'],
    types: ['env'],
    packages: () => false,
    why: 'mail writes and sends letters: it must not know who asked or what the letter is about to do',
  },
  lib: {
    may: ['lib'],
    packages: (name) => /^zod(\/|$)/.test(name),
    why: 'lib is pure, so that it means the same in a Worker, a Durable Object, a script and a test',
  },
}

const keepsToItsLayer: Rule = ({ file, imports }) => {
  const layer = LAYERS[layerOf(file)]
  if (!layer) return [`${file} is in no layer of these, so no rule would hold for it`]
  const allows = ({ to, local, typeOnly }: Import) => {
    if (!local) return layer.packages(to)
    const allowed = typeOnly ? [...layer.may, ...(layer.types ?? [])] : layer.may
    return allowed.some((place) => to === place || to.startsWith(`${place}/`) || roleFor(file, to) === place)
  }
  return imports.filter((each) => each.to && !allows(each)).map(({ to }) => `${file} imports ${to}: ${layer.why}`)
}

const takesBindingsFromContext: Rule = ({ file, imports }) =>
  imports
    .filter(({ to, typeOnly, names }) => to === 'cloudflare:workers' && !typeOnly && !names.every(isBaseClass))
    .filter(() => file.startsWith('features/'))
    .map(
      ({ names }) =>
        `${file} imports ${names.join(', ')} of cloudflare:workers: what a feature may touch is in its context, so that tests can set it`,
    )

const namesItsImports: Rule = ({ file, imports }) =>
  imports
    .filter(({ to }) => to === '')
    .map(() => `${file} computes the path of an import(): no rule here could judge where it leads`)

const CLOCK_AND_CHANCE =
  /^(Date\.now|new Date\(\)|Date\(\)|performance\.now|Math\.random|crypto\.(getRandomValues|randomUUID))$/

const hasNoClockAndNoChance: Rule = ({ file, uses }) =>
  [...uses]
    .filter((use) => layerOf(file) === 'lib' && file !== 'lib/ids.ts' && CLOCK_AND_CHANCE.test(use))
    .map((use) => `${file} uses ${use}: lib gives the same answer to the same question, ids (lib/ids.ts) apart`)

/** Files that may send requests, by name, so that each is a visible decision. */
const SENDERS = ['ai/outgoing.ts', 'ai/name-lookup.ts', 'ai/web-search/search.ts', 'mail/resend.ts']
const NETWORK = /^(openai|undici|cloudflare:sockets|node:(http|https|http2|net|tls))(\/|$)/

const leavesNetworkToAi: Rule = ({ file, imports }) =>
  imports
    .filter(({ to, local, typeOnly }) => !local && !typeOnly && NETWORK.test(to) && layerOf(file) !== 'ai')
    .map(({ to }) => `${file} imports ${to}: who talks to a provider does so in ai alone`)

const sendsNothing: Rule = ({ file, uses }) =>
  [...uses]
    .filter((use) => /^fetch(\(\))?$/.test(use) && !SENDERS.includes(file))
    .map(
      (use) =>
        `${file} uses ${use}: requests leave from ${SENDERS.join(', ')} alone, where hostile URLs, caps and deadlines are dealt with`,
    )

const isNoDrawer: Rule = ({ file }) =>
  file
    .split('/')
    .filter((name) => /(^|[-_.])(utils?|helpers?|common|managers?)([-_.]|$)/i.test(name))
    .map((name) => `${file}: "${name}" says nothing, and a function without a home is a concept without a name`)

const RULES: Record<string, Rule> = {
  'every file imports only what its layer may': keepsToItsLayer,
  'features take bindings from their context': takesBindingsFromContext,
  'every import names its path': namesItsImports,
  'lib has no clock and no randomness, ids apart': hasNoClockAndNoChance,
  'providers are talked to in ai alone': leavesNetworkToAi,
  'outgoing requests leave from a few files alone': sendsNothing,
  'no file or folder is a drawer': isNoDrawer,
}

const root = join(import.meta.dirname, '../src')
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => read(file, readFileSync(join(root, file), 'utf8')))

for (const [sentence, rule] of Object.entries(RULES))
  test(sentence, () => {
    expect(sources.flatMap(rule)).toEqual([])
  })

test('no two schemas have one name, under which the document would show only one of them', () => {
  const code = sources.map(({ file }) => readFileSync(join(root, file), 'utf8')).join('\n')
  const names = [...code.matchAll(/\.openapi\(\s*'(\w+)'/g)].map(([, name]) => name!)
  expect(names.length).toBeGreaterThan(100)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})

test('nothing that the Worker loads at its start makes schemas, each of which would cost time in every isolate', () => {
  const loaded = loadedAtStart('realtime', sources, loadedAtStart('index', sources))
  expect(loaded).toContain('features/messages/wire.ts')
  for (const later of [
    'areas/conversations.ts',
    'cron.ts',
    'features/runs/tool-loop.ts',
    'features/sockets/incoming.ts',
  ]) {
    expect(sources.map(({ file }) => file)).toContain(later)
    expect(loaded).not.toContain(later)
  }
  const makers = sources.filter(makesSchemas).map(({ file }) => file)
  expect(makers.length).toBeGreaterThan(50)
  // In a function, which is called where MODELS is set.
  expect(makers.filter((file) => loaded.has(file))).toEqual(['ai/model-table.ts'])
})

test('every rule catches its breach', () => {
  const caught = (rule: Rule, file: string, code: string) => rule(read(file, code)).length
  for (const [file, code] of [
    ['features/runs/routes.ts', `import { eq } from 'drizzle-orm'`],
    ['features/runs/routes.ts', `import type { runs } from '../../db/schema/runs.ts'`],
    ['features/runs/routes/read.ts', `export * from '../../../app.ts'`],
    ['features/runs/service.ts', `import type { Context } from 'hono'`],
    ['features/runs/service/start.ts', `import { z } from '@hono/zod-openapi'`],
    ['features/runs/quota.ts', `import { limit } from '../../http/rate-limit.ts'`],
    ['features/runs/service.ts', `import { createCtx } from '../../http/context.ts'`],
    ['features/runs/service.ts', `const routes = await import('./routes.ts')`],
    ['features/runs/service.ts', `import { hash } from '../auth/passwords.ts'`],
    ['features/runs/service.ts', `import type { User } from '../auth/schemas.ts'`],
    ['features/runs/schemas.ts', `import { getRun } from './service.ts'`],
    ['features/runs/schemas.ts', `import type { StoredRun } from './service.ts'`],
    ['features/runs/wire.ts', `import { Run } from './schemas.ts'`],
    ['features/runs/wire/run.ts', `import { type Run } from '../schemas/run.ts'`],
    ['features/runs/wire.ts', `import { getRun } from './service.ts'`],
    ['features/runs/wire.ts', `import type { z } from 'zod'`],
    ['features/runs/service.ts', `import { toMessage } from '../messages/wire.ts'`],
    ['http/guards.ts', `import { getRun } from '../features/runs/service'`],
    ['db/client.ts', `import { config } from '../env.ts'`],
    ['ai/offline.ts', `import { db } from '../db/client.ts'`],
    ['lib/cursors.ts', `let db: import('../db/client.ts').Db`],
    ['lib/ids.ts', `import { env } from 'cloudflare:workers'`],
    ['lib/ids.ts', `import { randomUUID } from 'node:crypto'`],
    ['app.ts', `import { runRoutes } from './features/runs/routes.ts'`],
    ['areas/chat.ts', `import { runs } from '../features/runs/service.ts'`],
    ['jobs/sweep.ts', `export const sweep = 1`],
  ] as const)
    expect(caught(keepsToItsLayer, file, code), `${file}: ${code}`).toBe(1)
  expect(caught(takesBindingsFromContext, 'features/a/b.ts', `import { env } from 'cloudflare:workers'`)).toBe(1)
  expect(caught(namesItsImports, 'features/a/b.ts', "import('./' + name)")).toBe(1)
  for (const code of [
    'Date.now()',
    'new Date()',
    'Math.random',
    'crypto.randomUUID()',
    'globalThis.crypto.getRandomValues(a)',
  ])
    expect(caught(hasNoClockAndNoChance, 'lib/sse.ts', code), code).toBe(1)
  expect(caught(leavesNetworkToAi, 'features/runs/runner.ts', `import OpenAI from 'openai'`)).toBe(1)
  for (const file of ['features/runs/runner.ts', 'ai/openai.ts', 'lib/sse.ts'])
    for (const code of [`fetch('https://x')`, `globalThis.fetch('https://x')`, 'const send = globalThis.fetch'])
      expect(caught(sendsNothing, file, code), `${file}: ${code}`).toBe(1)
  for (const file of ['lib/utils.ts', 'http/common/a.ts', 'features/a/run-manager.ts', 'lib/string-helpers.ts'])
    expect(caught(isNoDrawer, file, ''), file).toBe(1)
  for (const code of [`import { Run } from './b.ts'`, `import { type Run } from './b.ts'`, `export * from './b.ts'`])
    expect(loadedAtStart('a', [read('a.ts', code), read('b.ts', '')]), code).toContain('b.ts')
})

test('no rule stands in the way of the intended design', () => {
  const design = {
    'index.ts': `export { Runner } from './features/runs/runner.ts'; import { app } from './app.ts'; export default { fetch: app.fetch }`,
    'app.ts': `import { createApp } from './http/create-app.ts'; const load = () => import('./areas/chat.ts')`,
    'areas/chat.ts': `import { runRoutes } from '../features/runs/routes.ts'; import type { App } from '../http/create-app.ts'`,
    'http/guards.ts': `import { createMiddleware } from 'hono/factory'; import { verify } from '../features/auth/access-tokens.ts'`,
    'features/runs/routes.ts': `import { z } from '@hono/zod-openapi'; import { Message } from '../messages/schemas.ts'; import * as runs from './service/index.ts'; import { frame } from '../../lib/sse.ts'`,
    'features/runs/schemas.ts': `import { RUN_KINDS } from '../../db/schema/runs.ts'; import { z } from 'zod'`,
    'features/runs/wire/run.ts': `import type { runs } from '../../../db/schema/runs.ts'; import type { Run } from '../schemas/run.ts'; import { toMessage } from '../../messages/wire.ts'; import type { RunRef } from '../job.ts'`,
    'features/runs/service.ts': `import type { Ctx } from '../../http/context.ts'; import { AppError } from '../../http/errors'; import { toFault } from './wire/run.ts'; import { eq } from 'drizzle-orm'; import * as plans from '../plans/service'; import type { DurableObject } from 'cloudflare:workers'; new Date(); stub.fetch('https://runner')`,
    'features/runs/runner.ts': `import { DurableObject } from 'cloudflare:workers'; import type { BaseCtx } from '../../http/context.ts'`,
    'ai/openai.ts': `import OpenAI from 'openai'; import type { Config } from '../env.ts'`,
    'ai/outgoing.ts': `fetch('https://x')`,
    'db/client.ts': `import { drizzle } from 'drizzle-orm/d1'; import * as schema from './schema/index.ts'`,
    'lib/ids.ts': `// import { db } from '../db/client.ts'\nimport { frame } from './sse.ts'; Date.now(); crypto.getRandomValues(a)`,
    'lib/sse.ts': `import { z } from 'zod'; new Date(0); const text = 'fetch( Date.now()'; z.helpers`,
  }
  for (const [file, code] of Object.entries(design))
    expect(Object.values(RULES).flatMap((rule) => rule(read(file, code)))).toEqual([])
  for (const code of [`import type { Run } from './b.ts'`, `export type { Run } from './b.ts'`, `import('./b.ts')`])
    expect(loadedAtStart('a', [read('a.ts', code), read('b.ts', '')]), code).toEqual(new Set(['a.ts']))
})

function layerOf(file: string): string {
  const [top, , role, deeper] = file.replace(/\.ts$/, '').split('/')
  if (top !== 'features') return top!
  if (role && ['routes', 'responses', 'schemas', 'wire', 'service'].includes(role)) return role
  return deeper === undefined && role !== undefined ? 'concept' : 'unknown'
}

/** What a file of a feature is to an importer, such as `own schemas` or `other service`. */
function roleFor(importer: string, to: string): string | undefined {
  if (!to.startsWith('features/')) return undefined
  return `${featureOf(importer) === featureOf(to) ? 'own' : 'other'} ${layerOf(to)}`
}

function featureOf(path: string): string | undefined {
  return /^features\/([^/]+)/.exec(path)?.[1]
}

/** A file and all that is loaded before it runs. */
function loadedAtStart(entry: string, all: Source[], loaded = new Set<string>()): Set<string> {
  const source = all.find(({ file }) => file === `${entry}.ts`)
  if (!source || loaded.has(source.file)) return loaded
  loaded.add(source.file)
  for (const { to, typeOnly, later } of source.imports) if (!typeOnly && !later) loadedAtStart(to, all, loaded)
  return loaded
}

/** With zod, or with the kinds of fields that are made of it. */
function makesSchemas({ imports }: Source): boolean {
  return imports.some(
    ({ to, typeOnly, later, names }) =>
      !typeOnly &&
      !later &&
      (/^(lib\/wire-fields|http\/fields)$/.test(to) || (/^(zod|@hono\/zod-openapi)$/.test(to) && names.includes('z'))),
  )
}

function isBaseClass(name: string): boolean {
  return name === 'DurableObject' || name === 'RpcTarget'
}

type Node = {
  type: string
  name?: string
  value?: unknown
  importKind?: string
  exportKind?: string
  source?: Node | null
  specifiers?: Node[]
  imported?: Node
  local?: Node
  object?: Node
  property?: Node
  callee?: Node
  computed?: boolean
  arguments?: unknown[]
}

/** From the syntax tree, so that a comment, a text or a line break neither hides nor fakes an import. */
function read(file: string, code: string): Source {
  const nodes = [...walk(parseAst(code, { lang: 'ts' }))]
  return {
    file,
    imports: nodes.filter(isImport).map((node) => toImport(file, node)),
    uses: new Set(nodes.map(toUse).filter((use) => use !== undefined)),
  }
}

function* walk(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return
  if ('type' in value && typeof value.type === 'string') yield value as Node
  for (const child of Object.values(value)) yield* walk(child)
}

function isImport({ type, source }: Node): boolean {
  return /^(Import|Export\w+)Declaration$|^ImportExpression$|^TSImportType$/.test(type) && source != null
}

function toImport(file: string, { type, source, specifiers, importKind, exportKind }: Node): Import {
  const path = typeof source?.value === 'string' ? source.value : ''
  const local = path.startsWith('.')
  return {
    to: local ? posix.join(posix.dirname(file), path).replace(/\.ts$/, '') : path,
    local,
    typeOnly: importKind === 'type' || exportKind === 'type' || type === 'TSImportType',
    later: type === 'ImportExpression',
    names: specifiers?.map(({ imported, local }) => (imported ?? local)?.name ?? '*') ?? ['*'],
  }
}

function toUse({ type, callee, arguments: given, ...node }: Node): string | undefined {
  if (type === 'MemberExpression') return dotted({ type, ...node })
  if (type === 'NewExpression' && given?.length === 0) return `new ${dotted(callee)}()`
  if (type === 'CallExpression' && callee?.type === 'Identifier') return `${callee.name}()`
  return undefined
}

/** `a.b` of an expression; `globalThis.` and `self.` say nothing and are left out. */
function dotted(node?: Node): string | undefined {
  if (node?.type === 'Identifier') return node.name
  if (node?.type !== 'MemberExpression' || node.computed) return undefined
  const object = dotted(node.object)
  return object === 'globalThis' || object === 'self' ? node.property?.name : `${object}.${node.property?.name}`
}
