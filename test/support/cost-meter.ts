import { env } from 'cloudflare:workers'

/** What something took of the platform, in what the platform bills. */
export type Cost = {
  /** Round trips to D1, of the Worker and of its Durable Objects. */
  trips: number
  rowsRead: number
  rowsWritten: number
  /** Operations of R2: A writes and lists, B reads. Deleting costs nothing. */
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

/** Puts `around` about a method of all bindings of one kind: they share a prototype, in the Worker as in its objects. */
function wrap(binding: object, name: string, around: (call: () => unknown, args: unknown[]) => unknown): void {
  const kind = Object.getPrototypeOf(binding) as Record<string, Method>
  const original = kind[name]!
  kind[name] = function (this: unknown, ...args: never[]) {
    return around(() => Reflect.apply(original, this, args), args)
  }
}

/** From here on `costOf` counts. */
export function meterBindings(): void {
  wrap(env.DB, 'batch', async (call, [statements]) => {
    spent.trips++
    for (const { statement, params } of statements as { statement: string; params: unknown[] }[]) {
      spent.statements.set(statement, params)
    }
    const results = (await call()) as D1Result[]
    for (const { meta } of results) {
      spent.rowsRead += meta.rows_read
      spent.rowsWritten += meta.rows_written
    }
    return results
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
