import { z } from 'zod'
import { within } from '../../lib/deadline.ts'
import { type Counts, type Merge, WINDOW_MS } from '../../lib/rate-limiter.ts'

/** What is used of KV. */
export type Store = Pick<KVNamespace, 'put' | 'list'> & {
  get: (names: string[]) => Promise<Map<string, string | null>>
}

/** What a merge brought. `faults` says what did not work; the rest holds all the same. */
export type Exchanged = { arrived: boolean; heard: Counts[]; faults: Fault[] }
export type Fault = 'write' | 'read' | 'value'

/** A merge that takes longer has failed. */
const DEADLINE_MS = 2_000
/** Other isolates that are heard; of more than that in one window, those beyond are as good as silent. */
const MAX_ISOLATES = 300
/** KV gives so many values in one read. */
const READ_TOGETHER = 100

const PREFIX = 'rate-limits/'

const Value = z.object({ window: z.int(), counts: z.record(z.string().max(200), z.int().min(0)) })

/**
 * Tells the other isolates the counts of this one, and hears theirs of the same window. Each isolate is the only writer of
 * one key: KV takes one write per second and key, and of two writers the last would win. The name stays the same from window
 * to window, since a new name may be missing in lists for a minute.
 */
export async function exchange(store: Store, isolate: string, { window, told }: Merge): Promise<Exchanged> {
  const own = PREFIX + isolate
  const value = told && JSON.stringify({ window, counts: Object.fromEntries(told) })
  const [write, read] = await Promise.allSettled([
    value === undefined ? undefined : within(DEADLINE_MS, tell(store, own, value)),
    within(DEADLINE_MS, hear(store, own)),
  ])
  const faults: Fault[] = []
  if (write.status === 'rejected') faults.push('write')
  if (read.status === 'rejected') faults.push('read')
  const values = read.status === 'fulfilled' ? read.value.map(parse) : []
  if (values.includes('garbage')) faults.push('value')
  const current = values.filter((value) => value !== 'garbage').filter((value) => value.window === window)
  const heard = current.map(({ counts }) => new Map(Object.entries(counts)))
  return { arrived: write.status === 'fulfilled', heard, faults }
}

const tell = async (store: Store, name: string, value: string) =>
  store.put(name, value, { expirationTtl: (2 * WINDOW_MS) / 1_000 })

async function hear(store: Store, own: string): Promise<string[]> {
  const { keys } = await store.list({ prefix: PREFIX, limit: MAX_ISOLATES + 1 })
  const names = keys.map(({ name }) => name).filter((name) => name !== own)
  const chunks = Array.from({ length: Math.ceil(names.length / READ_TOGETHER) }, (_, at) =>
    names.slice(at * READ_TOGETHER, (at + 1) * READ_TOGETHER),
  )
  const found = await Promise.all(chunks.map((chunk) => store.get(chunk)))
  return found.flatMap((values) => [...values.values()]).filter((value) => value !== null)
}

function parse(text: string): z.infer<typeof Value> | 'garbage' {
  try {
    return Value.parse(JSON.parse(text))
  } catch {
    return 'garbage'
  }
}
