import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { end, leaveAlone, type Started, start } from '../processes.ts'
import type { Load, Measured } from './load.ts'
import { type FilledParley, startFilledParley } from './parley.ts'
import type { Side } from './report.ts'

const here = (file: string) => join(import.meta.dirname, file)

export type Servers = {
  parley: FilledParley
  /** What all requests to one of the two have in common. */
  sides: Record<Side, Omit<Load, 'ask' | 'concurrency' | 'seconds'>>
  /** Hands a load to the process that asks, one at a time. */
  take: (load: Load) => Promise<Measured>
}

/** A model that says `words` words, `gapMs` before each when it is to take its time, Parley and the bare Worker before it, and who asks them. */
export async function withServers(
  words: number,
  gapMs: number,
  work: (servers: Servers) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
  const started: Started[] = []
  const begin = async <T extends Started>(starting: Promise<T>) => {
    const one = await starting
    started.push(one)
    return one
  }
  try {
    const upstream = await begin(start(here('../gateway/upstream.ts'), [`${words}`, `${gapMs}`], { core: 'load' }))
    const model = `http://127.0.0.1:${upstream.line}/v1`
    const bare = await begin(start(here('bare-server.ts'), [model]))
    const parley = await begin(startFilledParley(folder, model))
    for (const server of [bare, parley]) leaveAlone(server)
    const load = await begin(start(here('load.ts'), [], { core: 'load' }))
    const headers = { authorization: `Bearer ${parley.token}` }
    await work({
      parley,
      sides: {
        parley: { url: parley.line, headers, conversations: parley.conversations },
        bare: { url: bare.line, headers: {}, conversations: [] },
      },
      take: takeBy(load),
    })
  } finally {
    for (const { child } of started.reverse()) await end(child)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function takeBy({ child }: Started): Servers['take'] {
  const lines = createInterface({ input: child.stdout! })
  const lost = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The load ended with ${code}`)))
  lost.catch(() => {})
  return async (load) => {
    const answered = once(lines, 'line')
    child.stdin!.write(`${JSON.stringify(load)}\n`)
    return JSON.parse((await Promise.race([answered, lost]))[0])
  }
}
