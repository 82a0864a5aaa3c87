import { expect, test } from 'vitest'
import { CONTROL_FRAMES, EVENT_FRAMES, SEED_FRAMES } from '../../src/features/sockets/schemas/server-frames.ts'
import { signIn } from '../support/client.ts'
import { connect, connectSeed, type Frame, type TestSocket } from '../support/socket.ts'

const typesOf = (frames: Frame[]): string[] =>
  frames.flatMap(({ type, data }) => (type === 'replay' ? [type, ...typesOf(data.events)] : [type]))

/**
 * Of what only time brings there is no frame here: `heads` after hibernation, `reconnect` after twelve hours; nor of what takes a model
 * (channel-chatbots.test.ts).
 */
const LATE = ['chatbot.failed', 'heads', 'reconnect']

test('each type of frame of chat.v1 comes as its schema says', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { body: channel } = await ada('POST', '/channels', { name: 'general' })
  const path = `/channels/${channel.id}`
  const [a, b] = [await connect(ada), await connect(bob)]
  const said = await b.ask('message.send', { channel_id: channel.id, content: 'Hello', nonce: 'n' })
  await b.wait(({ type }) => type === 'channel.added')
  const message = { channel_id: channel.id, message_id: said.data.message_id }
  a.send({ type: 'focus', data: { channel_ids: [channel.id] } })
  b.send({ type: 'typing', data: { channel_id: channel.id } })
  for (const type of ['typing', 'presence']) await a.wait((frame) => frame.type === type)
  for (const type of ['reaction.add', 'reaction.remove']) await a.ask(type, { ...message, emoji: '👍' })
  await b.ask('message.edit', { ...message, content: 'Hello!', version: 1 })
  await a.ask('read', { channel_id: channel.id, seq: said.seq })
  // What comes while a batch is on its way to D1 is one group, and reaches sockets in one frame.
  const many = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ channel_id: channel.id, content: `${n}`, nonce: `${n}` }))
  await Promise.all(many.map((data) => a.ask('message.send', data)))
  await ada('PUT', `${path}/pins/${message.message_id}`)
  await ada('DELETE', `${path}/pins/${message.message_id}`)
  await ada('PATCH', `${path}/members/${bob.user.id}`, { muted_until: new Date(Date.now() + 60_000).toISOString() })
  const muted = await b.ask('message.send', { channel_id: channel.id, content: 'Hm', nonce: 'm' })
  expect(muted).toMatchObject({ type: 'error', data: { code: 'muted', temporary: false, until: expect.any(String) } })
  await a.ask('message.delete', message)
  await ada('PATCH', path, { name: 'special' })
  await bob('POST', `${path}/leave`)
  await bob('POST', `${path}/join`)
  await ada('DELETE', `${path}/members/${bob.user.id}`)
  await ada('POST', `${path}/ban-by-username/${bob.user.username}`)
  await ada('POST', `${path}/unban-by-username/${bob.user.username}`)
  a.send({ type: 'sync', data: { ch: channel.id, after: 0 } })
  await a.wait(({ type }) => type === 'replay')
  a.send('{"type":"ping"}')
  await a.wait(({ type }) => type === 'pong')
  const ahead = await connect(ada, {
    [channel.id]: { epoch: 1, seq: 9_999 },
    [crypto.randomUUID()]: { epoch: 1, seq: 0 },
  })
  expect(
    ahead.frames
      .filter(({ type }) => type === 'reset')
      .map(({ data }) => data.reason)
      .sort(),
  ).toEqual(['ahead', 'not_member'])
  await ada('DELETE', path)
  await a.wait(({ type }) => type === 'channel.gone')
  const came = new Set([a, b, ahead].flatMap((socket: TestSocket) => typesOf([...socket.frames, ...socket.batches])))
  const known = [...Object.keys(EVENT_FRAMES), ...Object.keys(CONTROL_FRAMES)]
  expect(known.filter((type) => !came.has(type))).toEqual(LATE)
})

test('each type of frame of contract 3 comes as its schema says', async () => {
  const ada = await signIn()
  const { body: channel } = await ada('POST', '/channels', { name: 'general' })
  const socket = await connectSeed(ada)
  await new Promise((resolve) => setTimeout(resolve, 300))
  socket.send({ content: 'Hello', channel_id: channel.id })
  socket.send({ type: 'ping' })
  socket.send({ content: 'Hello', channel_id: crypto.randomUUID() })
  for (const type of [...Object.keys(SEED_FRAMES), 'pong']) await socket.wait((frame) => frame.type === type)
})
