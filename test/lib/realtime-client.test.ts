import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from 'vitest'
import { type WebSocket as Socket, WebSocketServer } from 'ws'
import type { z } from 'zod'
import { backOffMs, reconnectMs } from '../../clients/realtime/back-off.ts'
import {
  type ChannelEvent,
  type Client,
  type Commands,
  connect,
  type Failure,
  type Options,
  type ServerFrame,
  type State,
} from '../../clients/realtime/client.ts'
import { MAX_HELD, type Stream, startStream, takeEvent } from '../../clients/realtime/streams.ts'
import type { CLIENT_DATA } from '../../src/features/sockets/schemas/client-frames.ts'
import type { CONTROL_FRAMES, EVENT_FRAMES } from '../../src/features/sockets/schemas/server-frames.ts'

// The clock of the client stands still unless a test moves it; the network goes on.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const event = (seq: number, ch = 'c1') => ({ type: 'message', ch, seq, ts: '', data: {} }) as unknown as ChannelEvent
const take = (stream: Stream, ...seqs: number[]) =>
  seqs.flatMap((seq) => [...takeEvent(stream, event(seq))].map((taken) => taken.seq))

test('a stream gives what comes next and drops what comes again', () => {
  const stream = startStream(1, 10)
  expect(take(stream, 11, 12, 11, 12, 3, 13)).toEqual([11, 12, 13])
  expect(stream.held.size).toBe(0)
})

test('a stream holds what is above a gap, in any order, until the gap is closed', () => {
  const stream = startStream(1, 10)
  expect(take(stream, 14, 12, 13, 14)).toEqual([])
  expect(stream).toMatchObject({ last: 10, head: 14 })
  expect(take(stream, 11)).toEqual([11, 12, 13, 14])
  expect(stream.held.size).toBe(0)
})

test('a stream stands at each event while it is given', () => {
  const stream = startStream(1, 0)
  take(stream, 2, 3)
  const taken = takeEvent(stream, event(1))
  expect([taken.next().value?.seq, stream.last]).toEqual([1, 1])
  expect([taken.next().value?.seq, stream.last]).toEqual([2, 2])
})

test('a stream holds at most 1,000 events, the lowest ones, and remembers that there were more', () => {
  const stream = startStream(1, 0)
  const many = Array.from({ length: MAX_HELD + 500 }, (_, i) => i + 2)
  expect(take(stream, ...many.reverse())).toEqual([])
  expect(stream.held.size).toBe(MAX_HELD)
  expect(take(stream, 1)).toHaveLength(MAX_HELD + 1)
  expect(stream).toMatchObject({ last: MAX_HELD + 1, head: MAX_HELD + 501 })
})

test('the back-off doubles from 1 s to 30 s, with full jitter', () => {
  expect([0, 1, 2, 3, 4, 5, 2_000].map(backOffMs)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  vi.mocked(Math.random).mockReturnValue(0)
  expect(backOffMs(5)).toBe(0)
})

test('each ending has its delay, and a final one has none', () => {
  const final = [1000, 4003, 4500, 4501, 4502, 4503, 4504, 4505, 4577, 401, 403, 404]
  expect(final.filter((code) => reconnectMs(code, 0) !== undefined)).toEqual([])
  const backed = [1001, 1005, 1009, 1011, 1013, 4000, 4001, 4002, 4100, 4101, 4102, 4103, 4105, 4199, 0, 408, 429, 503]
  for (const code of backed) expect([code, reconnectMs(code, 0), reconnectMs(code, 2)]).toEqual([code, 500, 2_000])
  for (const code of [1006, 1012]) expect([code, reconnectMs(code, 0)]).toEqual([code, 1_500])
  expect(reconnectMs(1006, 1)).toBe(1_000)
  expect(reconnectMs(4100, 0, 20_000)).toBe(20_500)
  expect(reconnectMs(4104, 0)).toBe(30_500)
})

test('a client takes a ticket, opens chat.v1 with it, resumes where it stood and is open', async () => {
  const { server, states, client } = await start({ streams: { c1: { epoch: 1, seq: 412 } } })
  const peer = await server.peer()
  expect(server.authorizations).toEqual(['Bearer secret'])
  expect(peer.protocols).toEqual(['chat.v1', 'ticket.t1'])
  peer.send(HELLO)
  expect(await peer.next()).toEqual({ type: 'resume', id: 'resume', data: { streams: { c1: { epoch: 1, seq: 412 } } } })
  expect(states).toEqual([{ state: 'connecting' }])
  peer.send(resumed({ c1: 412, c2: 7 }))
  await until(() => states.length === 2)
  expect(states[1]).toMatchObject({ state: 'open', channels: { c2: { seq: 7 } } })
  expect(client.positions()).toEqual({ c1: { epoch: 1, seq: 412 }, c2: { epoch: 1, seq: 7 } })
})

test('single events, batches and replays are one sequence, delivered once and in order across a cut', async () => {
  const { server, seen, retried } = await start({ streams: { c1: { epoch: 1, seq: 0 } } })
  const first = await server.open({ c1: 0 })
  first.send(event(1))
  first.send({ type: 'batch', data: [event(2), event(3), event(3)] })
  first.send(event(6))
  expect((await first.next()).type).toBe('sync')
  first.cut()
  expect(await retried()).toBe(1_500)
  const second = await server.peer()
  // What the first connection still had to say is void, and nothing comes before the answer to `hello`.
  vi.advanceTimersByTime(5_000)
  second.send(HELLO)
  expect((await second.next()).data).toEqual({ streams: { c1: { epoch: 1, seq: 3 } } })
  // Within a replay the channel is named by the frame alone.
  const events = [3, 4, 5].map((seq) => ({ ...event(seq), ch: undefined }))
  second.send({ type: 'replay', ch: 'c1', data: { from: 3, to: 5, events, more: false } })
  second.send(resumed({ c1: 5 }))
  second.send(event(7))
  await second.settled()
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7].map((seq) => `c1:${seq}`))
})

test('a gap is asked for at once and once, and again only when nothing came', async () => {
  const { server, seen } = await start()
  const peer = await server.open({ c1: 10 })
  for (const seq of [12, 13]) peer.send(event(seq))
  const sync = { type: 'sync', data: { ch: 'c1', after: 10 } }
  expect(await peer.next()).toEqual(sync)
  await peer.settled()
  expect(peer.waiting()).toEqual([])
  vi.advanceTimersByTime(4_000)
  expect(await peer.next()).toEqual(sync)
  peer.send({ type: 'replay', ch: 'c1', data: { from: 11, to: 12, events: [event(11), event(12)], more: false } })
  await peer.settled()
  expect(seen).toEqual(['c1:11', 'c1:12', 'c1:13'])
  vi.advanceTimersByTime(30_000)
  await peer.settled()
  expect(peer.waiting().filter(({ type }) => type === 'sync')).toEqual([])
})

test('a head that nothing leads to is asked for after 2 s', async () => {
  const { server } = await start()
  const peer = await server.open({ c1: 10, c2: 5 })
  peer.send({ type: 'heads', data: { c1: 11, c2: 6, unknown: 3 } })
  peer.send(event(6, 'c2'))
  await peer.settled()
  vi.advanceTimersByTime(1_999)
  await peer.settled()
  expect(peer.waiting()).toEqual([])
  vi.advanceTimersByTime(1)
  expect(await peer.next()).toEqual({ type: 'sync', data: { ch: 'c1', after: 10 } })
  await peer.settled()
  expect(peer.waiting()).toEqual([])
})

test('of more than 500 positions `resume` names 500; the others are forgotten, or asked for where something is missing', async () => {
  const streams = Object.fromEntries(Array.from({ length: 502 }, (_, i) => [id(i), { epoch: 1, seq: 10 }]))
  const { server, client } = await start({ streams })
  const peer = await server.peer()
  peer.send(HELLO)
  const resume = await peer.next()
  expect(Object.keys(resume.data.streams as object)).toHaveLength(500)
  expect(JSON.stringify(resume).length).toBeLessThan(65_536)
  peer.send(resumed({ [id(0)]: 10, [id(501)]: 12 }))
  await peer.settled()
  expect(Object.keys(client.positions())).toEqual([id(0), id(501)])
  vi.advanceTimersByTime(2_000)
  expect(await peer.next()).toEqual({ type: 'sync', data: { ch: id(501), after: 10 } })
})

test('a reset drops what is known of a channel, tells so, and goes on from the new head', async () => {
  const onReset = vi.fn()
  const { server, seen, client } = await start({ streams: { c1: { epoch: 1, seq: 10 } }, onReset })
  const peer = await server.open({ c1: 10 })
  const reset = { reason: 'epoch', epoch: 2, head: 4 }
  peer.send(event(12))
  peer.send({ type: 'reset', ch: 'c1', data: reset })
  peer.send(event(5))
  await peer.settled()
  expect(onReset.mock.calls).toEqual([['c1', reset]])
  expect(seen).toEqual(['c1:5'])
  expect(client.positions()).toEqual({ c1: { epoch: 2, seq: 5 } })
  peer.send({ type: 'reset', ch: 'c1', data: { reason: 'not_member', epoch: null, head: null } })
  await peer.settled()
  expect(client.positions()).toEqual({})
})

test('a channel comes by `channel.added` or by an event, and goes by `channel.gone` or when `resumed` lacks it', async () => {
  const onNotice = vi.fn()
  const { server, seen, client } = await start({ streams: { old: { epoch: 1, seq: 3 } }, onNotice })
  const peer = await server.open({})
  expect(client.positions()).toEqual({})
  peer.send({ type: 'channel.added', ch: 'c1', data: { epoch: 1, seq: 9, read_seq: 0 } })
  peer.send(event(10))
  peer.send(event(21, 'c2'))
  peer.send({ type: 'channel.gone', ch: 'c1', data: {} })
  await peer.settled()
  expect(seen).toEqual(['c1:10', 'c2:21'])
  expect(client.positions()).toEqual({ c2: { epoch: 1, seq: 21 } })
  expect(onNotice.mock.calls.map(([notice]) => notice.type)).toEqual(['channel.added', 'channel.gone'])
})

test('unknown frames are ignored, but an unknown numbered event has its place in the sequence', async () => {
  const { server, seen } = await start()
  const peer = await server.open({ c1: 0 })
  peer.send({ type: 'news', data: {} })
  peer.sendText('{')
  peer.send({ ...event(1), type: 'poll.added' })
  peer.send(event(2))
  await peer.settled()
  expect(seen).toEqual(['c1:1', 'c1:2'])
})

test('64 events are confirmed at once, fewer 5 s after the first of them, repeats as well', async () => {
  const { server } = await start()
  const peer = await server.open({ c1: 0, c2: 0 })
  peer.send({ type: 'batch', data: Array.from({ length: 63 }, (_, i) => event(i + 1)) })
  peer.send(event(1, 'c2'))
  expect(await peer.next()).toEqual({ type: 'recv', data: { c1: 63, c2: 1 } })
  peer.send(event(5))
  await peer.settled()
  vi.advanceTimersByTime(3_000)
  peer.send(event(2, 'c2'))
  await peer.settled()
  expect(peer.waiting()).toEqual([])
  vi.advanceTimersByTime(2_000)
  expect(await peer.next()).toEqual({ type: 'recv', data: { c1: 63, c2: 2 } })
  vi.advanceTimersByTime(5_000)
  await peer.settled()
  expect(peer.waiting()).toEqual([])
})

test("an error of the user's callback costs no event", async () => {
  const { server, seen } = await start({}, (seq) => {
    if (seq === 1) throw new Error('of the user')
  })
  const peer = await server.open({ c1: 0 })
  const uncaught = vi.fn()
  process.setUncaughtExceptionCaptureCallback(uncaught)
  cleanUps.push(() => process.setUncaughtExceptionCaptureCallback(null))
  peer.send({ type: 'batch', data: [event(1), event(2)] })
  await peer.settled()
  expect(seen).toEqual(['c1:1', 'c1:2'])
  expect(uncaught.mock.calls).toEqual([[new Error('of the user')]])
})

test('the ping is exact text, first after a random part of 25 s, then 25 s after the answer', async () => {
  const { server } = await start()
  const peer = await server.open({})
  vi.advanceTimersByTime(12_499)
  await peer.settled()
  expect(peer.texts).toHaveLength(1)
  vi.advanceTimersByTime(1)
  await peer.next()
  expect(peer.texts[1]).toBe('{"type":"ping"}')
  peer.send({ type: 'pong' })
  await peer.settled()
  vi.advanceTimersByTime(25_000)
  expect(await peer.next()).toEqual({ type: 'ping' })
})

test('without any frame for 55 s the client leaves and resumes', async () => {
  const { server, states, retried } = await start()
  const peer = await server.open({ c1: 3 })
  vi.advanceTimersByTime(54_999)
  expect(states.at(-1)).toMatchObject({ state: 'open' })
  vi.advanceTimersByTime(1)
  expect(states.at(-1)).toMatchObject({ state: 'connecting', after: { code: 4101 }, retryMs: 500 })
  expect(await peer.closed).toBe(4101)
  await retried()
  await server.open({ c1: 3 })
  expect(states.map(({ state }) => state)).toEqual(['connecting', 'open', 'connecting', 'connecting', 'open'])
})

test('a check finds a dead line within 5 s, and ends a wait that nobody asked for', async () => {
  const { server, client, states } = await start()
  const first = await server.open({})
  client.check()
  expect(await first.next()).toEqual({ type: 'ping' })
  first.send({ type: 'pong' })
  await first.settled()
  vi.advanceTimersByTime(5_000)
  expect(states.at(-1)).toMatchObject({ state: 'open' })
  client.check()
  vi.advanceTimersByTime(5_000)
  expect(states.at(-1)).toMatchObject({ state: 'connecting', after: { code: 4101 } })
  client.check()
  client.check()
  const second = await server.open({})
  expect(server.authorizations).toHaveLength(2)
  second.send({ type: 'reconnect', data: { after_ms: 1_000 } })
  second.socket.close(4100)
  await until(() => states.at(-1)?.state === 'connecting')
  client.check()
  expect(states.at(-1)).toMatchObject({ after: { code: 4100 } })
  expect(server.authorizations).toHaveLength(2)
})

test('a send is repeated with its nonce after 10 s and after a reconnect, until its ack', async () => {
  const { server, client, retried } = await start()
  const sent = client.send('c1', 'Hi', { threadId: 'm0', attachments: ['f1'] })
  const first = await server.open({ c1: 3 })
  const frame = await first.next()
  expect(frame).toMatchObject({
    type: 'message.send',
    data: { channel_id: 'c1', content: 'Hi', thread_id: 'm0', attachments: ['f1'] },
  })
  expect(frame.data.nonce).toMatch(/^[0-9a-f-]{36}$/)
  vi.advanceTimersByTime(10_000)
  expect(await first.next()).toEqual(frame)
  first.cut()
  await retried()
  const second = await server.open({ c1: 3 })
  expect(await second.next()).toEqual(frame)
  second.send(ack(frame.id, 4, true))
  expect(await sent).toEqual({ messageId: 'm4', seq: 4, createdAt: 'now', duplicate: true })
  vi.advanceTimersByTime(10_000)
  await second.settled()
  expect(second.waiting()).toEqual([])
})

test('a temporary error is repeated when its time has come, and what follows in the channel waits for it', async () => {
  const { server, client } = await start()
  const peer = await server.open({})
  const sent = Promise.all([client.send('c1', 'one'), client.send('c1', 'two'), client.send('c2', 'other')])
  const [one, other] = [await peer.next(), await peer.next()]
  expect([one.data.content, other.data.content]).toEqual(['one', 'other'])
  peer.send(failure(one.id, 'rate_limit_exceeded', { temporary: true, retry_after_ms: 800 }))
  peer.send(ack(other.id, 1))
  await peer.settled()
  vi.advanceTimersByTime(799)
  await peer.settled()
  expect(peer.waiting()).toEqual([])
  vi.advanceTimersByTime(1)
  expect(await peer.next()).toEqual(one)
  peer.send(failure(one.id, 'unavailable', { temporary: true }))
  await peer.settled()
  vi.advanceTimersByTime(500)
  expect(await peer.next()).toEqual(one)
  peer.send(ack(one.id, 2))
  const two = await peer.next()
  expect(two.data.content).toBe('two')
  peer.send(ack(two.id, 3))
  expect((await sent).map(({ seq }) => seq)).toEqual([2, 3, 1])
})

test('a final error rejects its command alone', async () => {
  const { server, client } = await start()
  const peer = await server.open({})
  const refused = client.send('c1', 'Hi', { nonce: 'n1' })
  const edited = client.request('message.edit', { channel_id: 'c1', message_id: 'm1', content: 'Ho' })
  const frame = await peer.next()
  expect(frame.data.nonce).toBe('n1')
  peer.send(failure(frame.id, 'muted', { temporary: false }))
  await expect(refused).rejects.toMatchObject({ name: 'RealtimeError', code: 'muted', temporary: false })
  const edit = await peer.next()
  expect(edit).toMatchObject({ type: 'message.edit', data: { channel_id: 'c1', message_id: 'm1', content: 'Ho' } })
  peer.send({ type: 'ack', id: edit.id, ch: 'c1', seq: 9, data: {} })
  expect(await edited).toMatchObject({ seq: 9 })
})

test('a command has a nonce, so that one whose ack was lost is no conflict when it is sent again', async () => {
  const { server, client, retried } = await start()
  const first = await server.open({})
  const data = { channel_id: 'c1', message_id: 'm1', content: 'Ho', version: 1 }
  const done = [
    client.request('message.edit', data),
    client.request('reaction.add', { ...data, emoji: '👍', nonce: 'n1' }),
  ]
  const [edit, reaction] = [await first.next(), await first.next()]
  expect(edit.data.nonce).toMatch(/^[0-9a-f-]{36}$/)
  expect(reaction.data.nonce).toBe('n1')
  first.cut()
  await retried()
  const second = await server.open({})
  expect([await second.next(), await second.next()]).toEqual([edit, reaction])
  for (const { id } of [edit, reaction]) second.send({ type: 'ack', id, ch: 'c1', seq: 9, data: {} })
  expect(await Promise.all(done)).toMatchObject([{ seq: 9 }, { seq: 9 }])
})

test('a wait of more than a minute is told to the caller, and what follows in the channel is not held up by it', async () => {
  const { server, client } = await start()
  const peer = await server.open({})
  const [one, two] = [client.send('c1', 'one'), client.send('c1', 'two')]
  const slow = { temporary: true, retry_after_ms: 60_001 }
  peer.send(failure((await peer.next()).id, 'rate_limit_exceeded', slow))
  await expect(one).rejects.toMatchObject({ code: 'rate_limit_exceeded', temporary: true, retryAfterMs: 60_001 })
  const frame = await peer.next()
  peer.send(failure(frame.id, 'rate_limit_exceeded', { temporary: true, retry_after_ms: 50_000 }))
  await peer.settled()
  vi.advanceTimersByTime(50_000)
  await peer.settled()
  expect(peer.waiting()).toContainEqual(frame)
  peer.send(ack(frame.id, 1))
  expect(await two).toMatchObject({ seq: 1 })
})

test('read markers do not wait for each other', async () => {
  const { server, client } = await start()
  const peer = await server.open({})
  const read = Promise.all([1, 2].map((seq) => client.request('read', { channel_id: 'c1', seq })))
  const frames = [await peer.next(), await peer.next()]
  expect(frames.map(({ data }) => data.seq)).toEqual([1, 2])
  for (const { id } of frames) peer.send({ type: 'ack', id, data: {} })
  await read
})

test('what is too large is refused before it is sent, and so is the 1,001st unanswered command', async () => {
  const { client } = await start()
  await expect(client.send('c1', 'ü'.repeat(8_192))).rejects.toMatchObject({ code: 'too_large', temporary: false })
  const kept = Array.from({ length: 1_000 }, () => client.send('c1', 'Hi'))
  await expect(client.send('c1', 'Hi')).rejects.toMatchObject({ code: 'limit_reached', temporary: true })
  client.close()
  expect((await Promise.allSettled(kept)).every(({ status }) => status === 'rejected')).toBe(true)
})

test('the focus waits for no answer, and the last one is told again to each new socket', async () => {
  const { server, client, retried } = await start()
  client.focus(['c1'])
  const first = await server.open({})
  client.focus(['c2'])
  client.focus(['c3', 'c4'])
  const focus = (...ids: string[]) => ({ type: 'focus', data: { channel_ids: ids } })
  expect([await first.next(), await first.next(), await first.next()]).toEqual([
    focus('c1'),
    focus('c2'),
    focus('c3', 'c4'),
  ])
  first.cut()
  await retried()
  const second = await server.open({})
  expect(second.waiting()).toEqual([focus('c3', 'c4')])
})

test('typing leaves at most every 3 s and only while open', async () => {
  const { server, client } = await start()
  client.typing('c1')
  const peer = await server.open({})
  client.typing('c1', 'm1')
  client.typing('c1')
  await peer.settled()
  expect(peer.waiting()).toEqual([{ type: 'typing', data: { channel_id: 'c1', thread_id: 'm1' } }])
})

test('`reconnect` and 4100 bring the client back after the time asked for', async () => {
  const { server, states, retried } = await start()
  const peer = await server.open({})
  peer.send({ type: 'reconnect', data: { after_ms: 20_000 } })
  await peer.settled()
  peer.socket.close(4100, 'drain')
  expect(await retried()).toBe(20_500)
  expect(states).toContainEqual({ state: 'connecting', after: { code: 4100, reason: 'drain' }, retryMs: 20_500 })
  await server.open({})
})

test('an invalid ticket is replaced; the back-off grows until a connection held for 60 s', async () => {
  const { server, retried } = await start()
  for (const [ticket, retryMs] of Object.entries({ t1: 500, t2: 1_000, t3: 2_000 })) {
    const peer = await server.peer()
    expect(peer.protocols[1]).toBe(`ticket.${ticket}`)
    peer.socket.close(4001)
    expect(await retried()).toBe(retryMs)
  }
  const peer = await server.open({})
  vi.advanceTimersByTime(30_000)
  peer.send({ type: 'pong' })
  await peer.settled()
  vi.advanceTimersByTime(30_000)
  peer.socket.close(4103)
  expect(await retried()).toBe(500)
})

test('a `resume` that is refused is tried again on a new connection', async () => {
  const { server, retried } = await start()
  const peer = await server.peer()
  peer.send(HELLO)
  peer.send(failure((await peer.next()).id, 'unavailable', { temporary: true }))
  expect(await peer.closed).toBe(4000)
  await retried()
  await server.open({})
})

for (const code of [1000, 4003, 4500, 4501, 4502, 4503, 4504, 4505, 4577]) {
  test(`close code ${code} ends the client and rejects what is unanswered`, async () => {
    const { server, client, states } = await start()
    const peer = await server.open({})
    const sent = client.send('c1', 'Hi')
    peer.socket.close(code, 'over')
    await expect(sent).rejects.toMatchObject({ code: 'closed', message: 'over' })
    expect(states.at(-1)).toEqual({ state: 'closed', code, reason: 'over' })
    await expect(client.send('c1', 'Hi')).rejects.toMatchObject({ code: 'closed' })
    vi.advanceTimersByTime(600_000)
    expect(states.at(-1)).toEqual({ state: 'closed', code, reason: 'over' })
    expect(server.authorizations).toHaveLength(1)
  })
}

test('a ticket is asked for again while the server is away, and no more once the token is refused', async () => {
  const { server, states, retried } = await start({}, undefined, [503, 429, 401])
  expect(await retried()).toBe(500)
  await until(() => server.authorizations.length === 2)
  // What `retry-after` asks for, and the back-off on top.
  expect(await retried()).toBe(8_000)
  await until(() => states.at(-1)?.state === 'closed')
  expect(states.at(-1)).toEqual({ state: 'closed', code: 401, reason: 'The ticket was refused.' })
  expect(server.authorizations).toHaveLength(3)
})

test('a token or a server out of reach is tried again', async () => {
  const token = vi.fn().mockRejectedValueOnce(new Error('offline')).mockReturnValue('secret')
  const { states, retried } = await start({ url: 'http://127.0.0.1:1', token })
  expect(await retried()).toBe(500)
  expect(states.at(-2)).toMatchObject({ after: { code: 0, reason: 'Error: offline' } })
  expect(await retried()).toBe(1_000)
})

test('close() says 1000, rejects what is unanswered, and delivers nothing more', async () => {
  const { server, client, seen, states } = await start({}, (seq) => {
    if (seq === 2) client.close()
  })
  const peer = await server.open({ c1: 0 })
  const sent = client.send('c1', 'Hi')
  const replay = { from: 1, to: 3, events: [event(1), event(2), event(3)], more: false }
  peer.send({ type: 'batch', data: [{ type: 'replay', ch: 'c1', data: replay }, event(4)] })
  await expect(sent).rejects.toMatchObject({ code: 'closed', temporary: false })
  expect(await peer.closed).toBe(1000)
  expect(seen).toEqual(['c1:1', 'c1:2'])
  expect(client.positions()).toEqual({ c1: { epoch: 1, seq: 2 } })
  vi.advanceTimersByTime(600_000)
  expect(states.at(-1)).toMatchObject({ state: 'closed', code: 1000 })
  expect(server.authorizations).toHaveLength(1)
})

test('a client that is closed while it takes `resumed` does not open', async () => {
  const { server, client, states } = await start({
    streams: { c1: { epoch: 1, seq: 10 } },
    onReset: () => client.close(),
  })
  const peer = await server.peer()
  peer.send(HELLO)
  peer.send({ ...resumed({}), data: { channels: { c1: { epoch: 2, seq: 3, read_seq: 0 } } } })
  expect(await peer.closed).toBe(1000)
  expect(states.map(({ state }) => state)).toEqual(['connecting', 'closed'])
})

test('the types of frames are those of the server', () => {
  type Told = z.infer<(typeof CONTROL_FRAMES)[Exclude<keyof typeof CONTROL_FRAMES, 'pong' | 'error'>]>
  type Taken = { [T in keyof Commands]: z.input<(typeof CLIENT_DATA)[T]> }
  expectTypeOf<ChannelEvent>().toEqualTypeOf<z.infer<(typeof EVENT_FRAMES)[keyof typeof EVENT_FRAMES]>>()
  expectTypeOf<Exclude<ServerFrame, ChannelEvent | { type: 'error' }>>().toEqualTypeOf<Told>()
  // Its codes are no closed list to a client.
  expectTypeOf<Omit<Failure, 'code'>>().toEqualTypeOf<Omit<z.infer<(typeof CONTROL_FRAMES)['error']>['data'], 'code'>>()
  expectTypeOf<Commands & { 'message.send': { nonce: string } }>().toExtend<Taken>()
})

type Frame = { type: string; id: string; data: Record<string, unknown> }
type Server = Awaited<ReturnType<typeof listen>>

const HELLO = { type: 'hello', data: { conn_id: 'k1', user: {}, ping_interval_ms: 25_000, max_frame: 16_384 } }
const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const resumed = (seqs: Record<string, number>) => ({
  type: 'resumed',
  id: 'resume',
  data: { channels: Object.fromEntries(Object.entries(seqs).map(([ch, seq]) => [ch, { epoch: 1, seq, read_seq: 0 }])) },
})
const ack = (id: string, seq: number, duplicate = false) => ({
  type: 'ack',
  id,
  ch: 'c1',
  seq,
  data: { message_id: `m${seq}`, created_at: 'now', duplicate },
})
const failure = (id: string, code: string, rest: { temporary: boolean; retry_after_ms?: number }) => ({
  type: 'error',
  id,
  data: { code, message: 'No.', ...rest },
})

/** A client of a scripted server, with what it was told. `refusals` are the first answers to its ticket requests. */
async function start(options: Partial<Options> = {}, onSeq?: (seq: number) => void, refusals: number[] = []) {
  const server: Server = await listen(refusals)
  const [seen, states]: [string[], State[]] = [[], []]
  const client: Client = connect({
    url: server.url,
    token: () => 'secret',
    onState: (state) => states.push(state),
    onEvent({ ch, seq }) {
      seen.push(`${ch}:${seq}`)
      onSeq?.(seq)
    },
    ...options,
  })
  cleanUps.push(client.close, server.close)
  /** Waits until the client has lost its connection, and gives the milliseconds that it waits then: they are over. */
  const retried = async () => {
    const { retryMs } = await until(() => {
      const last = states.at(-1)
      return last?.state === 'connecting' && last.retryMs !== undefined ? last : undefined
    })
    vi.advanceTimersByTime(retryMs!)
    return retryMs
  }
  return { server, client, seen, states, retried }
}

/** Gives what `find` finds. Its waiting is not on the client's clock. */
async function until<T>(find: () => T): Promise<NonNullable<T>> {
  const since = performance.now()
  for (let found = find(); performance.now() - since < 3_000; found = find()) {
    if (found) return found
    await new Promise(setImmediate)
  }
  throw new Error(`Waited in vain for ${find}`)
}

/** A server that says only what a test tells it to. */
async function listen(refusals: number[]) {
  const authorizations: (string | undefined)[] = []
  const peers: ReturnType<typeof toPeer>[] = []
  let tickets = 0
  const http = createServer((request, response) => {
    authorizations.push(request.headers.authorization)
    const refusal = refusals.shift()
    const isTicket = request.method === 'POST' && request.url === '/api/v1/ws/tickets'
    response.writeHead(refusal ?? (isTicket ? 201 : 404), refusal === 429 ? { 'retry-after': '7' } : {})
    tickets += 1
    response.end(JSON.stringify({ ticket: `t${tickets}`, expires_in: 30, url: `ws://127.0.0.1:${port}/api/v1/ws` }))
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  const sockets = new WebSocketServer({ server: http, path: '/api/v1/ws', handleProtocols: () => 'chat.v1' })
  sockets.on('connection', (socket, request) =>
    peers.push(toPeer(socket, request.headers['sec-websocket-protocol'] ?? '')),
  )
  const peer = () => until(() => peers.shift())
  return {
    url: `http://127.0.0.1:${port}`,
    authorizations,
    peer,
    /** The next socket, resumed at these heads. */
    async open(seqs: Record<string, number>) {
      const opened = await peer()
      opened.send(HELLO)
      await opened.next()
      opened.send(resumed(seqs))
      await opened.settled()
      return opened
    },
    close() {
      for (const socket of sockets.clients) socket.terminate()
      http.close()
      http.closeAllConnections()
    },
  }
}

function toPeer(socket: Socket, protocols: string) {
  const texts: string[] = []
  let read = 0
  socket.on('message', (data) => texts.push(String(data)))
  const waiting = () => texts.slice(read).map((text) => JSON.parse(text) as Frame)
  return {
    socket,
    texts,
    protocols: protocols.split(/, ?/),
    closed: once(socket, 'close').then(([code]) => code as number),
    send: (frame: object) => socket.send(JSON.stringify(frame)),
    sendText: (text: string) => socket.send(text),
    cut: () => socket.terminate(),
    waiting,
    async next(): Promise<Frame> {
      await until(() => texts.length > read)
      return JSON.parse(texts[read++]!) as Frame
    },
    /** All that was sent has been read, and all that was answered has arrived: a WebSocket ping went there and back. */
    async settled() {
      socket.ping()
      await once(socket, 'pong')
      await new Promise(setImmediate)
    },
  }
}
