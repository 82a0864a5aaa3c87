import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'

// npm run bench:limits: what the limiter adds to an authenticated list of 20. Requests with and without it go to one
// server in short turns, so that whatever else the machine does hits all of them alike.
const VARIANTS = ['no limiter', 'limiter']
const SWITCHES = ['--alias=./rate-limits/limited.ts:./bench/limits/switched-limited.ts']
const USERS = 20
const TURNS = 100
const BUDGET_MS = 45_000
const vars = { PASSWORD_COST: '4', REGISTER_ADDRESS_LIMIT: '1000', API_RATE_LIMIT: '1000000' }

const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
const server = await startServer({ persistTo: folder, vars, args: ['bench/limits/worker.ts', ...SWITCHES] })
try {
  await bench(server)
} finally {
  await server.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function bench({ url }: LocalServer): Promise<void> {
  const tokens: string[] = []
  while (tokens.length < USERS) tokens.push(await register(url))
  const turn = async (variant: string) => (await post<number>(`${url}/bench`, { tokens, variant })) / tokens.length
  for (const variant of VARIANTS) await turn(variant)

  const times = new Map(VARIANTS.map((variant) => [variant, [] as number[]]))
  const end = performance.now() + BUDGET_MS
  let turns = 0
  for (; turns < TURNS && performance.now() < end; turns++) {
    const order = turns % 2 === 0 ? VARIANTS : VARIANTS.toReversed()
    for (const variant of order) times.get(variant)!.push(await turn(variant))
  }
  console.log(`GET /conversations, 20 rows; ${turns} turns of ${USERS} requests each, milliseconds per request`)
  const [base] = times.values()
  for (const [variant, each] of times) {
    const added = each.map((time, n) => (time / base![n]! - 1) * 100)
    const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => `${quantile(added, q).toFixed(1)} %`)
    console.log(`${variant.padEnd(20)} ${quantile(each, 0.5).toFixed(2)}  adds ${middle} (half: ${low} to ${high})`)
  }
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

function quantile(values: number[], q: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))]!
}
