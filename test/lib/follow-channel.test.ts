import { expect, test } from 'vitest'
import { decodeFrames, type Frame, followChannel } from '../../bench/channels/follow-channel.ts'

const event = (seq: number): Frame => ({ type: 'message', ch: 'c', seq, data: { content: `m${seq}` } })
const hello: Frame = { type: 'hello', data: {} }
const resumedAt = (seq: number): Frame => ({
  type: 'resumed',
  id: 'resume',
  data: { channels: { c: { epoch: 1, seq } } },
})

/** A client that stands at 10. */
function startFollower() {
  const [sent, applied]: [Frame[], number[]] = [[], []]
  const follower = followChannel({
    channel: 'c',
    send: (text) => sent.push(JSON.parse(text)),
    apply: ({ seq }) => applied.push(seq!),
    silentS: 55,
  })
  const take = (...frames: Frame[]) => frames.forEach(follower.take)
  take(hello, resumedAt(10))
  expect(sent.splice(0)).toEqual([{ type: 'resume', id: 'resume', data: { streams: {} } }])
  return { sent, applied, take, follower }
}

test('what comes twice is dropped, what comes too early is held, and the gap is asked for once', () => {
  const { sent, applied, take, follower } = startFollower()
  take(event(11), event(11), event(13), event(14))
  expect(applied).toEqual([11])
  expect(sent).toEqual([{ type: 'sync', data: { ch: 'c', after: 11 } }])
  take({ type: 'replay', ch: 'c', data: { from: 12, to: 14, more: false, events: [event(12), event(13), event(14)] } })
  take(event(15))
  expect(applied).toEqual([11, 12, 13, 14, 15])
  expect(follower.counts).toEqual({ dropped: 3, syncs: 1, resets: 0 })
})

test('a new connection resumes where the old one was, and other channels and answers move nothing', () => {
  const { sent, applied, take } = startFollower()
  take(event(11), { ...event(12), ch: 'd' }, { type: 'ack', id: '1', ch: 'c', seq: 12, data: {} }, hello)
  expect(sent).toEqual([{ type: 'resume', id: 'resume', data: { streams: { c: { epoch: 1, seq: 11 } } } }])
  expect(applied).toEqual([11])
})

test('it confirms after 64 events, and 5 s after the first that is not confirmed', () => {
  const { sent, take, follower } = startFollower()
  const recvs = () => sent.splice(0).filter(({ type }) => type === 'recv')
  for (let seq = 11; seq < 75; seq++) take(event(seq))
  expect(recvs()).toEqual([{ type: 'recv', data: { c: 74 } }])
  // An event each second: it is never quiet.
  for (let seq = 75; seq < 80; seq++) {
    expect(recvs()).toEqual([])
    take(event(seq))
    follower.tick()
  }
  expect(recvs()).toEqual([{ type: 'recv', data: { c: 79 } }])
  for (let second = 0; second < 5; second++) follower.tick()
  expect(recvs()).toEqual([])
})

test('a head that stays ahead is asked for, after 2 s', () => {
  const { sent, take, follower } = startFollower()
  take({ type: 'heads', data: { c: 12 } })
  const syncs = () => sent.filter(({ type }) => type === 'sync').length
  for (let second = 0; second < 2; second++) follower.tick()
  expect(syncs()).toBe(0)
  follower.tick()
  expect(syncs()).toBe(1)
})

test('a batch is taken apart, and equal bytes are decoded once', () => {
  const bytes = Buffer.from(JSON.stringify({ type: 'batch', data: [event(1), event(2)] }))
  const frames = decodeFrames(bytes)
  expect(frames).toEqual([event(1), event(2)])
  const inOthers = Buffer.concat([Buffer.from('..'), bytes, Buffer.from('..')])
  expect(decodeFrames(inOthers, 2, 2 + bytes.length)).toBe(frames)
  expect(decodeFrames(Buffer.from(JSON.stringify(event(3))))).toEqual([event(3)])
})
