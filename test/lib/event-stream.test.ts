import { expect, test } from 'vitest'
import { readEvents } from '../../src/ai/event-stream.ts'

const encode = (text: string) => new TextEncoder().encode(text)

function bodyOf(pieces: Uint8Array[]) {
  const state = { cancelled: false }
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[at++]
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

test('an event without data is none', async () => {
  expect(await eventsOf([encode('data:\n\ndata: \n\nevent: x\ndata\n\ndata: 1\n\ndata:\ndata:\n\n')])).toEqual([
    '1',
    '\n',
  ])
})

test('a lone CR ends the last event too', async () => {
  for (const pieces of [['data: 1\r\r'], ['data: 1', '\r', '\r'], ['data: 1\r\n\r']]) {
    expect(await eventsOf(pieces.map(encode))).toEqual(['1'])
  }
  expect(await eventsOf([encode('data: 1\r')])).toEqual([])
})

test('a long line that comes in small pieces takes about as long as short ones', async () => {
  const timeOf = async (text: string) => {
    const bytes = encode(text)
    const pieces = Array.from({ length: bytes.length / 50 }, (_, at) => bytes.slice(at * 50, (at + 1) * 50))
    const before = performance.now()
    await eventsOf(pieces)
    return performance.now() - before
  }
  const short = `data: ${'x'.repeat(42)}\n\n`.repeat(20_000)
  await timeOf(short)
  const long = `data: ${'x'.repeat(999_992)}\n\n`
  // With all that came before joined to each piece it would take a hundred times as long.
  expect(await timeOf(long)).toBeLessThan(30 * (await timeOf(short)))
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
