import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'drizzle-orm'
import { writeD1 } from '../../scripts/d1.ts'
import { call, registerUsers, VARS } from '../channels/parley.ts'
import { end, type Started, start, startParleyServer } from '../processes.ts'
import { promptOf } from './prompts.ts'

export const GATEWAYS = ['pass-through', 'bookkeeper', 'parley-short', 'parley', 'portkey'] as const
export type GatewayName = (typeof GATEWAYS)[number]

/** A gateway that is running. */
export type Gateway = {
  name: GatewayName
  stores: string
  /** The leader of its process group. */
  pid: number
  url: string
  headers: Record<string, string>
  bodyOf: (isPaced: boolean) => object
  stop(): Promise<void>
}

const here = (file: string) => join(import.meta.dirname, file)
const MUCH = 1_000_000_000

type Ready = Pick<Gateway, 'stores' | 'headers'> & { name: GatewayName; body?: object }

const gatewayOf = ({ child, line }: Started, { name, stores, headers, body }: Ready): Gateway => ({
  name,
  stores,
  pid: child.pid!,
  url: `${line}/v1/chat/completions`,
  headers,
  bodyOf: (isPaced) => ({
    model: 'default',
    stream: true,
    messages: [{ role: 'user', content: promptOf(isPaced) }],
    ...body,
  }),
  stop: () => end(child),
})

/** The gateways of these names in front of the provider at `upstream`, which ends in `/v1`; `folder` is theirs to fill. */
export async function startGateways(names: GatewayName[], upstream: string, folder: string): Promise<Gateway[]> {
  const parleys = names.filter((name) => name.startsWith('parley'))
  const started: Gateway[] = []
  try {
    if (names.includes('pass-through')) started.push(await startPassThrough(upstream))
    if (names.includes('bookkeeper')) started.push(await startBookkeeper(upstream))
    if (parleys.length > 0) started.push(...(await startParley(upstream, folder, parleys)))
    if (names.includes('portkey')) started.push(await startPortkey(upstream, join(folder, 'portkey')))
    return started
  } catch (error) {
    for (const gateway of started) await gateway.stop()
    throw error
  }
}

async function startPassThrough(upstream: string): Promise<Gateway> {
  const started = await start(here('pass-through-server.ts'), [upstream])
  return gatewayOf(started, { name: 'pass-through', stores: 'nothing, and asks nobody for a key', headers: {} })
}

async function startBookkeeper(upstream: string): Promise<Gateway> {
  const started = await start(here('bookkeeper-server.ts'), [upstream])
  return gatewayOf(started, {
    name: 'bookkeeper',
    stores: 'run and bill in D1, and asks nobody for a key',
    headers: {},
  })
}

/** One server, with what keeps one client from taking all of it lifted. */
async function startParley(upstream: string, folder: string, names: GatewayName[]): Promise<Gateway[]> {
  const lift = (state: string) =>
    writeD1({ remote: false, persistTo: state }, [
      sql`UPDATE plans SET messages_per_month = ${MUCH}, tokens_per_month = ${MUCH * 1_000},
        requests_per_minute = ${MUCH}, runs_at_once = ${MUCH}`,
    ])
  const started = await startParleyServer(folder, { ...VARS, OPENAI_BASE_URL: upstream }, lift)
  try {
    const [owner] = await registerUsers(started.line, 1)
    const chatbot = await call<{ id: string }>(started.line, '/chatbots', { name: 'Bench' }, owner!.token)
    const path = `/chatbots/${chatbot.id}/api-keys`
    const { key } = await call<{ key: string }>(started.line, path, { name: 'Bench' }, owner!.token)
    const headers = { authorization: `Bearer ${key}` }
    const all: Ready[] = [
      { name: 'parley-short', stores: 'run and bill in D1, no text', headers, body: { store: false } },
      { name: 'parley', stores: 'run and bill in D1, every event before it is seen: it can be resumed', headers },
    ]
    return all.filter(({ name }) => names.includes(name)).map((ready) => gatewayOf(started, ready))
  } catch (error) {
    await end(started.child)
    throw error
  }
}

/** It is no dependency of Parley: what it needs is installed for the run, by a lock of its own. */
async function startPortkey(upstream: string, folder: string): Promise<Gateway> {
  await cp(here('portkey'), folder, { recursive: true })
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  await promisify(execFile)('npm', ['ci', ...flags], { cwd: folder }).catch((error: Error) => {
    throw new Error(`portkey could not be installed; --gateways=pass-through,parley leaves it out.\n${error.message}`)
  })
  const started = await start(here('portkey-server.ts'), [folder], { env: { NODE_ENV: 'production' } })
  const headers = {
    authorization: 'Bearer bench',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': upstream,
  }
  return gatewayOf(started, { name: 'portkey', stores: 'nothing, and asks nobody for a key', headers })
}
