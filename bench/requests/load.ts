import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import type { Ask } from './scenarios.ts'

// Requests to one server after the other, by one process that stays, so that it is warm for all. It reads a `Load` per line of stdin
// and answers with a line, a `Measured`.
/** Of the time that is measured, before it. */
const WARM_UP = 0.3
const MAX_WARM_UP_MS = 150

export type Load = {
  url: string
  headers: Record<string, string>
  ask: Ask
  /** For `{any}`: each is asked again when all others were. */
  conversations: string[]
  /** Requests under way at any time. */
  concurrency: number
  seconds: number
}

export type Measured = {
  /** Milliseconds from sending until the last byte, and until the first word, of each request. */
  times: number[]
  firstWords: number[]
  perSecond: number
  faults: { count: number; first?: string }
}

let asked = 0

// Pinned once it has said that it is there.
console.log()
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await measure(JSON.parse(line))))
}

async function measure(load: Load): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency })
  const measured: Measured = { times: [], firstWords: [], perSecond: 0, faults: { count: 0 } }
  const untilThen = async (end: number, isCounted: boolean) => {
    while (performance.now() < end) {
      const begun = performance.now()
      const { fault, firstWordAt } = await once(load, agent).catch((error: Error) => ({
        fault: error.message,
        firstWordAt: undefined,
      }))
      if (fault !== undefined) {
        measured.faults.count++
        measured.faults.first ??= fault
        // What refuses at once would fill the time with refusals.
        return
      }
      if (!isCounted) continue
      measured.times.push(performance.now() - begun)
      if (firstWordAt !== undefined) measured.firstWords.push(firstWordAt - begun)
    }
  }
  const all = (end: number, isCounted: boolean) =>
    Promise.all(Array.from({ length: load.concurrency }, () => untilThen(end, isCounted)))
  await all(performance.now() + Math.min(MAX_WARM_UP_MS, WARM_UP * load.seconds * 1_000), false)
  const begun = performance.now()
  await all(begun + load.seconds * 1_000, true)
  measured.perSecond = (measured.times.length / (performance.now() - begun)) * 1_000
  agent.destroy()
  return measured
}

/** @throws Error when the connection breaks */
function once(load: Load, agent: Agent): Promise<{ fault?: string; firstWordAt?: number }> {
  const { method, path, headers, body, status, has, firstWord } = load.ask
  const url = load.url + path.replace('{any}', load.conversations[asked++ % load.conversations.length]!)
  const sent = { ...load.headers, ...headers, ...(body && { 'content-length': `${Buffer.byteLength(body)}` }) }
  return new Promise((done, fail) => {
    const outgoing = request(url, { method, agent, headers: sent }, (response) => {
      let text = ''
      let firstWordAt: number | undefined
      response.setEncoding('latin1')
      response.on('data', (part: string) => {
        text += part
        if (firstWord !== undefined && firstWordAt === undefined && text.includes(firstWord))
          firstWordAt = performance.now()
      })
      response.on('error', fail)
      response.on('end', () => {
        const isWhole = response.statusCode === status && (has === undefined || text.includes(has))
        done(isWhole ? { firstWordAt } : { fault: `${response.statusCode} ${text.slice(-300)}` })
      })
    })
    outgoing.on('error', fail)
    outgoing.end(body)
  })
}
