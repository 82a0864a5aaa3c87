import { env } from 'cloudflare:workers'

/** What something took of the platform, in what the platform bills. */
export type Cost = {
  /** Round trips to D1, of the Worker and of its Durable Objects. */
  trips: number
  rowsRead: number
  rowsWritten: number
  /** Operations of R2: A writes and lists, B reads. Deleting costs nothing. The parts of large files are not counted. */
  r2A: number
  r2B: number
  /** Calls of Durable Objects. */
  objects: number
  /** The statements, by their texts, with what was bound to them. */
  statements: Map<string, unknown[]>
}

const nothing = (): Cost => ({
  trips: 0,
  rowsRead: 0,
  rowsWritten: 0,
  r2A: 0,
  r2B: 0,
  objects: 0,
  statements: new Map(),
})

let spent = nothing()

type Method = (...args: never[]) => unknown

type Around = (call: () => unknown, self: unknown, args: unknown[]) => unknown

/** Puts `around` about a method of all bindings of one kind: they share a prototype, in the Worker as in its objects. */
function wrap(binding: object, name: string, around: Around): void {
  const kind = Object.getPrototypeOf(binding) as Record<string, Method>
  const original = kind[name]!
  kind[name] = function (this: unknown, ...args: never[]) {
    return around(() => Reflect.apply(original, this, args), this, args)
  }
}

/** What D1's statements have besides what their type says. */
type Bound = { statement: string; params: unknown[] }

function billed(results: D1Result[]): D1Result[] {
  spent.trips++
  for (const { meta } of results) {
    spent.rowsRead += meta.rows_read
    spent.rowsWritten += meta.rows_written
  }
  return results
}

/** From here on `costOf` counts. */
export function meterBindings(): void {
  wrap(env.DB, 'batch', async (call, _, [statements]) => {
    for (const each of statements as Bound[]) spent.statements.set(each.statement, each.params)
    return billed((await call()) as D1Result[])
  })
  const statement = env.DB.prepare('SELECT 1')
  wrap(statement, 'all', async (call, bound) => {
    spent.statements.set((bound as Bound).statement, (bound as Bound).params)
    return billed([(await call()) as D1Result])[0]
  })
  // It tells no numbers, so it is asked in the other way.
  wrap(statement, 'first', async (_, bound, [column]) => {
    const [row] = (await (bound as D1PreparedStatement).all<Record<string, unknown>>()).results
    return column === undefined ? (row ?? null) : (row?.[column as string] ?? null)
  })
  for (const name of ['put', 'list', 'createMultipartUpload']) wrap(env.FILES, name, counting('r2A'))
  for (const name of ['get', 'head']) wrap(env.FILES, name, counting('r2B'))
  for (const namespace of [env.RUNNER, env.CHANNEL, env.GATEWAY]) countCallsOf(namespace)
}

const counting = (kind: 'r2A' | 'r2B') => (call: () => unknown) => {
  spent[kind]++
  return call()
}

const counted = new WeakSet<object>()

function countCallsOf(namespace: Env['RUNNER' | 'CHANNEL' | 'GATEWAY']): void {
  const kind = Object.getPrototypeOf(namespace)
  if (counted.has(kind)) return
  counted.add(kind)
  wrap(namespace, 'getByName', (call) => {
    const stub = call() as Record<string | symbol, unknown>
    return new Proxy(stub, {
      get(_, name) {
        const method = stub[name]
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => {
          spent.objects++
          return (stub[name] as Method)(...(args as never[]))
        }
      },
    })
  })
}

/** Long enough for what an answer leaves behind: a `waitUntil`, the end of a run, a push to sockets. */
const QUIET_MS = 60

/** What a call took, with all that it has set off, but for alarms. */
export async function costOf<T>(call: () => Promise<T>): Promise<Cost & { answer: T }> {
  await quiet()
  spent = nothing()
  const answer = await call()
  await quiet()
  const cost = spent
  // What comes from now on is another's.
  spent = nothing()
  return { ...cost, answer }
}

/** Waits until nothing has been asked for a while. */
async function quiet(): Promise<void> {
  const sum = () => spent.trips + spent.r2A + spent.r2B + spent.objects
  let before: number
  do {
    before = sum()
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
  } while (before !== sum())
}
