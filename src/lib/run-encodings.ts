import type { RunEvent } from './run-events.ts'
import { frame } from './sse.ts'

/** One event of a run as a frame of the native stream. The SSE id is `seq`, so `Last-Event-ID` resumes. */
export const toSse = ({ type, ...data }: RunEvent): string => frame({ id: data.seq, event: type, data })

/** Tells a client that all text after event `after` is void and comes anew. Never stored, so it has no id. */
export const toSseReset = (runId: string, after: number): string =>
  frame({ event: 'run.reset', data: { run_id: runId, after } })

/** The stream between a Runner and a Worker: one line of JSON per event. */
export const toLine = (event: RunEvent): string => `${JSON.stringify(event)}\n`

/** Events from such a stream. Ends without a terminal event when the Runner is lost: the caller must notice. */
export async function* fromLines(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<RunEvent[]> {
  const decoder = new TextDecoder()
  let rest = ''
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = lines.pop()!
    // An empty line only asks whether we are still here.
    const events = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RunEvent)
    if (events.length > 0) yield events
  }
}
