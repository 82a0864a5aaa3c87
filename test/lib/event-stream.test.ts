import { expect, test } from 'vitest'
import { readEvents } from '../../src/ai/event-stream.ts'

const encode = (text: string) => new TextEncoder().encode(text)

function bodyOf(pieces: Uint8Array[]) {
  const state = { cancelled: false }
  const left = [...pieces]
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = left.shift()
      if (piece) controller.enqueue(piece)
      else controller.close()
    },
    cancel: () => {
      state.cancelled = true
    },
  })
  return { body, state }
}

async function eventsOf(pieces: Uint8Array[]): Promise<string[]> {
  const events: string[] = []
  for await (const group of readEvents(bodyOf(pieces).body)) events.push(...group)
  return events
}

const STREAM =
  'retry: 5\n: hello\n\ndata: one\n\nevent: x\r\ndata:two\r\ndata: zwölf 😀\r\n\r\nid: 7\rdata: three\r\rdata\n\ndata:  four\n\ndata: half'
const EVENTS = ['one', 'two\nzwölf 😀', 'three', ' four']

test('events are the same however the bytes are cut', async () => {
  const bytes = encode(STREAM)
  expect(await eventsOf([bytes])).toEqual(EVENTS)
  for (let size = 1; size <= 12; size++) {
    const pieces: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size))
    expect(await eventsOf(pieces), `in pieces of ${size}`).toEqual(EVENTS)
  }
})

test('what comes together is given together, and what is not ended is no event', async () => {
  const groups: string[][] = []
  const { body } = bodyOf([encode('data: 1\n\ndata: 2\n\n'), encode('data: 3\n'), encode('\ndata: 4\n')])
  for await (const group of readEvents(body)) groups.push(group)
  expect(groups).toEqual([['1', '2'], ['3']])
})

test('more than a mebibyte without an event is refused, be it one line, many, or comments', async () => {
  const most = 'x'.repeat(1_048_500)
  expect(await eventsOf([encode(`data: ${most}\n\n`), encode(`data: ${most}\n\n`)])).toHaveLength(2)
  const rubbish = ['data: ', 'data: x\n', ': x\n'].map((line) =>
    Array.from({ length: 400 }, () => encode(line.repeat(1_000))),
  )
  for (const pieces of rubbish) await expect(eventsOf(pieces)).rejects.toMatchObject({ code: 'upstream_garbled' })
})

test('the body is let go when nobody reads on', async () => {
  const { body, state } = bodyOf([encode('data: 1\n\n'), encode('data: 2\n\n')])
  for await (const _ of readEvents(body)) break
  expect(state.cancelled).toBe(true)
})
