import type { RunEvent } from './run-events.ts'
import { frame } from './sse.ts'
import { isTerminal } from './terminal-events.ts'

/** Pure, so that a resume folds the log from its first event and sends only the frames after the last one seen. */
export type Encoder<S> = (state: S, event: RunEvent) => [S, string[]]

/** How one kind of client is told of a run. */
export type Encoding<S> = {
  initial: S
  encode: Encoder<S>
  /** What a client is told when events end without a terminal one: else it takes the part for the whole. */
  lost: string[]
  /** What a client is told when all that it has seen is void. */
  reset: (runId: string) => string[]
  /** Of the answer, besides those of every stream. */
  headers: Record<string, string>
}

/** One event of a run as a frame of the native stream. The SSE id is `seq`, so `Last-Event-ID` resumes. */
export const toSse: Encoder<null> = (_, { type, ...data }) => [null, [frame({ id: data.seq, event: type, data })]]

/** The events as they are. A client of it knows by itself that a stream without a terminal event was cut off. */
export const NATIVE: Encoding<null> = {
  initial: null,
  encode: toSse,
  lost: [],
  // Never stored, so it has no id.
  reset: (runId) => [frame({ event: 'run.reset', data: { run_id: runId, after: 0 } })],
  headers: {},
}

/** The frames of the events after number `after`, group by group; `groups` begin where the state of `encoding` does. */
export async function* encoded<S>(
  { initial, encode, lost }: Encoding<S>,
  groups: AsyncIterable<RunEvent[]>,
  after: number,
): AsyncGenerator<string> {
  let state = initial
  let hasEnded = false
  for await (const group of groups) {
    let text = ''
    for (const event of group) {
      const [next, frames] = encode(state, event)
      state = next
      hasEnded = isTerminal(event)
      if (event.seq > after) text += frames.join('')
    }
    if (text !== '') yield text
  }
  if (!hasEnded && lost.length > 0) yield lost.join('')
}

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
