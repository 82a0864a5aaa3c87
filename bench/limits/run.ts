import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildWorker } from '../../scripts/bundle/build.ts'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { ASKED_ONE_IN } from '../../src/http/rate-limits/burst.ts'

// npm run bench:limits: what the limiter adds to an authenticated list of 20. Requests with and without it go to one
// server in turns, so that whatever else the machine does hits all of them alike. The burst brake is asked about one request
// in twenty, which a mean of so many would hardly show, so it is measured by itself.
const MEASURED = ['no limiter', 'limiter', 'burst brake']
const USERS = 20
const BENCH_MS = 30_000
const vars = { PASSWORD_COST: '4', REGISTER_ADDRESS_LIMIT: '1000', API_RATE_LIMIT: '1000000' }

const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
try {
  const args = [await build(join(folder, 'build')), '--config=wrangler.toml']
  const server = await startServer({ persistTo: join(folder, 'state'), vars, args })
  await bench(server).finally(server.stop)
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** The Worker with the switch in it. */
async function build(into: string): Promise<string> {
  const switched = join(import.meta.dirname, 'switched-limited.ts')
  await buildWorker('bench/limits/worker.ts', into, [
    {
      name: 'switched-limited',
      enforce: 'pre',
      resolveId: (source, importer) =>
        source.endsWith('/rate-limits/limited.ts') && importer !== switched ? switched : undefined,
    },
  ])
  return join(into, 'index.mjs')
}

async function bench({ url }: LocalServer): Promise<void> {
  const tokens: string[] = []
  while (tokens.length < USERS) tokens.push(await register(url))
  const times = new Map(MEASURED.map((name) => [name, [] as number[]]))
  const end = performance.now() + BENCH_MS
  for (let turn = 0; performance.now() < end; turn++) {
    // All orders in turn, so that none gains by what runs before it.
    const rotated = MEASURED.map((_, at) => MEASURED[(at + turn) % MEASURED.length]!)
    const order = turn % 2 === 0 ? rotated : rotated.toReversed()
    const taken = await post<Record<string, number[]>>(`${url}/bench`, { tokens, order })
    if (turn > 0) for (const name of order) times.get(name)!.push(...taken[name]!)
  }
  const [without, limited, brake] = MEASURED.map((name) => center(times.get(name)!))
  const percent = (ms: number) => `${((ms / without!.mean) * 100).toFixed(1)} %`
  const doubt = percent(Math.hypot(without!.error, limited!.error))
  console.log(`GET /conversations, 20 rows, ${times.get('limiter')!.length} requests each, in milliseconds
without limiter  ${without!.mean.toFixed(2)}
with limiter     ${limited!.mean.toFixed(2)}: adds ${percent(limited!.mean - without!.mean)} ± ${doubt}
burst brake      ${brake!.mean.toFixed(2)} in the simulator, for one request in ${ASKED_ONE_IN}: adds ${percent(brake!.mean / ASKED_ONE_IN)}`)
}

/** A user with 20 conversations; the answer is their token. */
async function register(url: string): Promise<string> {
  const user = { username: `b${crypto.randomUUID().slice(0, 12)}`, password: 'correct-horse-battery' }
  const { access_token } = await post<{ access_token: string }>(`${url}/api/v1/auth/register`, user)
  const conversation = () => post(`${url}/api/v1/conversations`, { title: 'Bench' }, access_token)
  await Promise.all(Array.from({ length: 20 }, conversation))
  return access_token
}

async function post<T>(url: string, body: unknown, token?: string): Promise<T> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

/** Mean of the middle half, which what else the machine does hardly reaches, and its standard error. */
function center(values: number[]): { mean: number; error: number } {
  const middle = [...values].sort((a, b) => a - b).slice(values.length / 4, (values.length * 3) / 4)
  const mean = middle.reduce((sum, value) => sum + value, 0) / middle.length
  const spread = middle.reduce((sum, value) => sum + (value - mean) ** 2, 0) / middle.length
  return { mean, error: Math.sqrt(spread / middle.length) }
}
