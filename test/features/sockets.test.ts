import { expect, test } from 'vitest'
import { newChannel, say } from '../support/channels.ts'
import { client, signIn } from '../support/client.ts'
import { connect, connectSeed, eventsIn, openSocket } from '../support/socket.ts'

test('what is said by REST and by socket reaches every socket, numbered alike', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await bob('POST', `/channels/${id}/join`)
  const [a, b] = [await connect(ada), await connect(bob)]
  const posted = await say(ada, id, 'By REST')
  const ack = await b.ask('message.send', { channel_id: id, content: 'By socket', nonce: 'n1' })
  expect(ack).toMatchObject({ type: 'ack', ch: id, seq: posted.body.seq + 1, data: { duplicate: false } })
  for (const socket of [a, b]) {
    await socket.wait(({ seq, type }) => type === 'message' && seq === ack.seq)
    expect(eventsIn(socket, id).map(({ seq, data }) => [seq, data.content])).toEqual([
      [posted.body.seq, 'By REST'],
      [ack.seq, 'By socket'],
    ])
  }
  expect(b.frames.find(({ seq, type }) => type === 'message' && seq === ack.seq)!.data.nonce).toBe('n1')
  expect(a.frames.find(({ seq, type }) => type === 'message' && seq === ack.seq)!.data.nonce).toBeUndefined()
})

test('a client that comes back gets what it missed, and nothing twice', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await bob('POST', `/channels/${id}/join`)
  const first = await connect(bob)
  const { body: seen } = await say(ada, id, 'Seen')
  await first.wait(({ seq }) => seq === seen.seq)
  first.close()
  await first.ended()
  for (const n of [1, 2, 3]) await say(ada, id, `Missed ${n}`)
  const second = await connect(bob, { [id]: { epoch: 1, seq: seen.seq } })
  expect(eventsIn(second, id).map(({ data }) => data.content)).toEqual(['Missed 1', 'Missed 2', 'Missed 3'])
  const { body: live } = await say(ada, id, 'Live')
  await second.wait(({ seq }) => seq === live.seq)
  expect(eventsIn(second, id).map(({ seq }) => seq)).toEqual([4, 5, 6, 7])
})

test('from the answer of a ban on nothing reaches who is banned', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await bob('POST', `/channels/${id}/join`)
  const socket = await connect(bob)
  await say(ada, id, 'Before')
  const banned = await ada('POST', `/api/channels/${id}/ban-by-username/${bob.user.username}`)
  expect(banned).toMatchObject({ status: 200, body: { id, member_exceptions: [{ user_id: bob.user.id }] } })
  await say(ada, id, 'After')
  await socket.wait(({ type }) => type === 'channel.gone')
  expect(eventsIn(socket, id).map(({ type }) => type)).toEqual(['message', 'member.banned'])
  expect(await socket.ask('message.send', { channel_id: id, content: 'Let me in', nonce: 'n' })).toMatchObject({
    type: 'error',
    data: { code: 'banned' },
  })
})

test('contract 3: its socket hears of public channels and says something', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const socket = await connectSeed(bob)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const { body } = await say(ada, id, 'Hello, world!')
  const { username } = ada.user
  const heard = await socket.wait(({ type }) => type === 'message')
  expect(heard).toEqual({
    type: 'message',
    data: {
      id: body.id,
      content: 'Hello, world!',
      user: { username, display_name: username },
      channel_id: id,
      created_at: body.created_at,
    },
  })
  socket.send({ content: 'Hi', channel_id: id })
  await socket.wait(({ data }) => data.content === 'Hi')
  socket.send('no json')
  expect(await socket.wait(({ type }) => type === 'error')).toMatchObject({ error: expect.any(String) })
})

test('a ticket opens one socket', async () => {
  const ada = await signIn()
  const { body } = await ada('POST', '/ws/tickets')
  expect(body).toMatchObject({ expires_in: 30, url: 'wss://parley.test/api/v1/ws' })
  const headers = { 'sec-websocket-protocol': `chat.v1, ticket.${body.ticket}` }
  const socket = await openSocket({ headers })
  expect(socket.protocol).toBe('chat.v1')
  expect((await socket.wait(({ type }) => type === 'hello')).data.user).toMatchObject({ id: ada.user.id })
  const again = await openSocket({ headers })
  expect(await again.wait(({ type }) => type === 'error')).toMatchObject({ data: { code: 'unauthorized' } })
  expect(await again.ended()).toMatchObject({ code: 4001 })
})

test('who does not come with a WebSocket, or with nothing to show, hears so by HTTP', async () => {
  const upgrade = { upgrade: 'websocket' }
  expect((await client()('GET', '/ws')).status).toBe(426)
  expect((await client()('GET', '/ws', undefined, { headers: upgrade })).status).toBe(401)
})

test('another name, a foreign origin, an unknown version and a bad token are refused with their codes', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const token = ada.tokens.access_token
  const authorization = `Bearer ${token}`
  const codeOf = async (way: Parameters<typeof openSocket>[0]) => (await (await openSocket(way)).ended()).code
  expect(await codeOf({ path: `/ws/${bob.user.username}?token=${token}` })).toBe(4003)
  expect(await codeOf({ headers: { authorization, origin: 'https://evil.example' } })).toBe(4505)
  expect(await codeOf({ headers: { authorization, 'sec-websocket-protocol': 'chat.v9' } })).toBe(4503)
  expect(await codeOf({ path: `/ws/${ada.user.username}?token=x.y.z` })).toBe(4001)
})

test('a socket ends with its session', async () => {
  const ada = await signIn()
  const socket = await connect(ada)
  await ada('POST', '/auth/logout')
  expect(await socket.ended()).toMatchObject({ code: 4500 })
  expect(await (await connectSeed(ada)).ended()).toMatchObject({ code: 4001 })
})

test('a ticket of a session that has ended opens nothing', async () => {
  const ada = await signIn()
  const { body } = await ada('POST', '/ws/tickets')
  const socket = await connect(ada)
  await ada('POST', '/auth/logout')
  await socket.ended()
  const late = await openSocket({ headers: { 'sec-websocket-protocol': `chat.v1, ticket.${body.ticket}` } })
  expect(await late.ended()).toMatchObject({ code: 4001 })
})
