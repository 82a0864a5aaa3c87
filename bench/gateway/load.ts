import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

// Requests to one gateway after the other, by one process that stays, so that it is warm for all. It reads a `Load` per line of
// stdin and answers with a line, a `Measured`.
const WARM_UP_MS = 200
const SETTLE_MS = 100

export type Load = {
  url: string
  headers: Record<string, string>
  body: object
  /** Requests under way at any time: the next begins as soon as one has ended. */
  concurrency: number
  seconds: number
  /** Words of each answer; one with more or fewer is a fault. */
  words: number
}

export type Measured = {
  /** Milliseconds from sending until the last byte, of each request. */
  times: number[]
  perSecond: number
  /** The most that `server-timing` says of D1 when an answer begins; of a gateway that says nothing, nothing. */
  trips?: number
  /** What was wrong with the first answer that was not as it has to be, and how many there were. */
  faults: { count: number; first?: string }
}

// Pinned once it has said that it is there.
console.log()
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await measure(JSON.parse(line))))
}

async function measure(load: Load): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency })
  const faults: Measured['faults'] = { count: 0 }
  const times: number[] = []
  let trips: number | undefined
  const untilThen = async (end: number, times: number[]) => {
    while (performance.now() < end) {
      const begun = performance.now()
      const answer = await ask(load, agent).catch((error: Error) => ({ fault: error.message }))
      times.push(performance.now() - begun)
      if ('fault' in answer) {
        faults.count++
        faults.first ??= answer.fault
        // What refuses at once would fill the time with refusals.
        await sleep(SETTLE_MS)
      } else if (answer.trips !== undefined) trips = Math.max(trips ?? 0, answer.trips)
    }
  }
  const all = (end: number, times: number[]) =>
    Promise.all(Array.from({ length: load.concurrency }, () => untilThen(end, times)))
  await all(performance.now() + WARM_UP_MS, [])
  const begun = performance.now()
  await all(begun + load.seconds * 1_000, times)
  const ms = performance.now() - begun
  agent.destroy()
  return { times, perSecond: (times.length / ms) * 1_000, trips, faults }
}

/** @throws Error when the connection breaks */
function ask(load: Load, agent: Agent): Promise<{ trips?: number } | { fault: string }> {
  const body = JSON.stringify(load.body)
  const headers = { ...load.headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((done, fail) => {
    const sent = request(load.url, { method: 'POST', agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('error', fail)
      response.on('end', () => {
        const isWhole = response.statusCode === 200 && text.includes('[DONE]') && countOf(text) === load.words
        if (isWhole) done({ trips: tripsOf(response.headers['server-timing']) })
        else done({ fault: `${response.statusCode} ${text.slice(-300)}` })
      })
    })
    sent.on('error', fail)
    sent.end(body)
  })
}

/** Words in all chunks together, however many of them a gateway has put into one. */
function countOf(text: string): number {
  return text.split('word ').length - 1
}

function tripsOf(timing: string | string[] | undefined): number | undefined {
  const trips = /trips=(\d+)/.exec(String(timing))?.[1]
  return trips === undefined ? undefined : Number(trips)
}
