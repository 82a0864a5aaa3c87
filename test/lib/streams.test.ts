import { expect, test, vi } from 'vitest'
import { Connection, type Identity } from '../../src/features/sockets/connection.ts'
import { Delivery } from '../../src/features/sockets/room.ts'
import { Sockets } from '../../src/features/sockets/sockets.ts'
import { Streams } from '../../src/features/sockets/streams.ts'
import type { ChannelEvent } from '../../src/lib/channel-commands.ts'
import { OUT_RATE } from '../../src/lib/credit.ts'

const CHANNEL = 'c'

/** A socket in a channel whose log is this. `heads` is what the channel says of how far it has come. */
function socketIn(log: ChannelEvent[], head = () => log.length) {
  const sockets = new Sockets()
  const reads = vi.fn()
  const atOnce = { now: 0, most: 0 }
  const doubted = vi.fn(async () => {})
  const logged = vi.fn()
  const streams = new Streams(sockets, {
    subscribe: async () => ({ epoch: 1, head: head(), isPublic: true, doubted: [] }),
    read: async (_, after, limit) => {
      reads(after)
      atOnce.most = Math.max(atOnce.most, ++atOnce.now)
      await Promise.resolve()
      atOnce.now--
      const events = log.filter(({ seq }) => seq > after).slice(0, limit)
      return { epoch: 1, head: head(), oldest: 1, events }
    },
    doubted,
    gone: () => {},
    hidden: () => {},
    gathered: () => {},
    log: logged,
  })
  const sent: string[] = []
  const socket = { send: (text: string) => sent.push(text), serializeAttachment: () => {}, close: () => {} }
  const identity = { userId: 'ada', mode: 'chat.v1', hasResumed: true } as Identity
  const connection = new Connection(socket as unknown as WebSocket, identity, 20, sockets.outstanding, Date.now())
  sockets.add(connection)
  return { sockets, streams, connection, sent, reads, atOnce, doubted, logged }
}

const event = (seq: number, size = 10): ChannelEvent => ({
  seq,
  type: 'message',
  frame: JSON.stringify({ type: 'message', seq, data: { content: 'x'.repeat(size) } }),
  message_id: null,
})

const sizeOf = (sent: string[]) => sent.reduce((bytes, { length }) => bytes + length, 0)

test('a client that confirms what it does not read is sent no more than the rate', async () => {
  vi.useFakeTimers()
  const log = Array.from({ length: 1_000 }, (_, at) => event(at + 1, 16_000))
  const { streams, connection, sent } = socketIn(log)
  await streams.begin(connection, CHANNEL, undefined)
  const stream = connection.streams.get(CHANNEL)!
  streams.goBack(stream, 0)
  for (let ms = 0; ms < 3_000; ms += 10) {
    streams.confirm(connection, { [CHANNEL]: Number.MAX_SAFE_INTEGER }, Date.now())
    await vi.advanceTimersByTimeAsync(10)
  }
  const bytes = sizeOf(sent)
  expect(bytes).toBeGreaterThan(OUT_RATE.burst)
  expect(bytes).toBeLessThan(OUT_RATE.burst + 3.5 * OUT_RATE.perSecond)
  vi.useRealTimers()
})

test('a channel that has lost its end is not read without a pause', async () => {
  const { sockets, streams, connection, reads, logged } = socketIn([event(1), event(2)])
  await streams.begin(connection, CHANNEL, undefined)
  sockets.room(CHANNEL).advance(5)
  streams.goBack(connection.streams.get(CHANNEL)!, 2)
  await vi.waitFor(() => expect(logged).toHaveBeenCalled())
  expect(reads).toHaveBeenCalledTimes(1)
})

test('of one socket four channels are read at once', async () => {
  const { streams, connection, reads, atOnce } = socketIn([event(1)])
  const ids = Array.from({ length: 10 }, (_, n) => `${n}`)
  await Promise.all(ids.map((id) => streams.begin(connection, id, { epoch: 1, seq: 0 })))
  expect(reads).toHaveBeenCalledTimes(10)
  expect(atOnce.most).toBe(4)
})

test('whoever is doubted while they come in hears nothing until they are not', async () => {
  const { sockets, streams, connection, sent } = socketIn([event(1)])
  const begun = streams.begin(connection, CHANNEL, { epoch: 1, seq: 0 })
  streams.hold(connection)
  await begun
  streams.deliver(sockets.room(CHANNEL), new Delivery([event(2)]), Date.now())
  expect(sent).toEqual([])
  streams.release(connection)
  await vi.waitFor(() => expect(sent).toHaveLength(1))
})

test('when something was missed before a new subscription everybody in the room is doubted', async () => {
  let head = 1
  const { sockets, streams, connection, doubted } = socketIn([event(1), event(2)], () => head)
  await streams.begin(connection, CHANNEL, undefined)
  expect(doubted).not.toHaveBeenCalled()
  head = 2
  await streams.bringUp(sockets.room(CHANNEL), head)
  expect(doubted).toHaveBeenCalledWith(['ada'])
})
