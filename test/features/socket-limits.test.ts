import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { SendMessage } from '../../src/lib/channel-commands.ts'
import { sendCommand } from '../../src/lib/send-command.ts'
import { gatewayName, shardOf } from '../../src/lib/shards.ts'
import { newChannel, say } from '../support/channels.ts'
import { type SignedIn, signIn } from '../support/client.ts'
import { connect, eventsIn, openSocket, type TestSocket } from '../support/socket.ts'

/** Two people in a channel, the second with a socket. */
async function roomOfTwo() {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await bob('POST', `/channels/${id}/join`)
  return { ada, bob, id, socket: await connect(bob) }
}

const gatewayOf = async (user: SignedIn) => env.GATEWAY.getByName(gatewayName(await shardOf(user.user.id, 3)))

/** Many messages at once, of so many members that nobody meets the limit of a sender. */
async function flood(id: string, count: number) {
  const members = Array.from({ length: Math.ceil(count / 10) }, () => crypto.randomUUID())
  const join = env.DB.prepare(
    "INSERT INTO channel_members (channel_id, member_id, role, joined_at) SELECT ?, value, 'member', 0 FROM json_each(?)",
  )
  await join.bind(id, JSON.stringify(members)).run()
  const said = (n: number): Promise<SendMessage> => {
    const nonce = `f${n}-${crypto.randomUUID()}`
    const actor = members[Math.floor(n / 10)]!
    return sendCommand({ actor, id: crypto.randomUUID(), nonce, content: `${n}`, threadId: null, attachments: [] })
  }
  const commands = await Promise.all(Array.from({ length: count }, (_, n) => said(n)))
  return env.CHANNEL.getByName(id).submit(commands)
}

const seqsIn = (socket: TestSocket, id: string) => eventsIn(socket, id).map(({ seq }) => seq!)
const isRising = (seqs: number[]) => seqs.every((seq, at) => at === 0 || seq === seqs[at - 1]! + 1)

test('a client that confirms nothing gets no more than its credit, and the rest when it does', async () => {
  const { id, socket } = await roomOfTwo()
  const outcomes = await flood(id, 700)
  expect(outcomes.every(({ ok }) => ok)).toBe(true)
  const last = Math.max(...outcomes.map((outcome) => (outcome.ok ? outcome.seq! : 0)))
  await new Promise((resolve) => setTimeout(resolve, 300))
  const before = seqsIn(socket, id)
  expect(before.length).toBeGreaterThan(500)
  expect(before.length).toBeLessThan(700)
  socket.send({ type: 'recv', data: { [id]: before.at(-1) } })
  await socket.wait(({ type, data }) => type === 'replay' && data.to === last)
  const all = seqsIn(socket, id)
  expect(all.at(-1)).toBe(last)
  expect(isRising(all)).toBe(true)
})

test('after hibernation nothing is lost: what comes is sent, and what is missing can be asked for', async () => {
  const { ada, bob, id, socket } = await roomOfTwo()
  const first = (await say(ada, id, 'Before')).body
  await socket.wait(({ seq }) => seq === first.seq)
  await evictDurableObject(await gatewayOf(bob))
  const second = (await say(ada, id, 'After')).body
  await socket.wait(({ seq }) => seq === second.seq)
  socket.send({ type: 'sync', data: { ch: id, after: first.seq - 1 } })
  const replay = await socket.wait(({ type }) => type === 'replay')
  expect(replay.data).toMatchObject({ from: first.seq, to: second.seq, more: false })
})

test('a push that got lost is found at the next tick', async () => {
  const { ada, bob, id, socket } = await roomOfTwo()
  const channel = env.CHANNEL.getByName(id)
  await runDurableObjectAlarm(channel)
  await runInDurableObject(channel, (_, state) => {
    state.storage.sql.exec('DELETE FROM subscriptions')
  })
  await evictDurableObject(channel)
  const { body } = await say(ada, id, 'Lost')
  await runDurableObjectAlarm(await gatewayOf(bob))
  expect((await socket.wait(({ type }) => type === 'replay')).data.events).toMatchObject([{ seq: body.seq }])
  const next = (await say(ada, id, 'Heard')).body
  await socket.wait(({ seq }) => seq === next.seq)
  expect(isRising(seqsIn(socket, id))).toBe(true)
})

test('what a channel stored and could not hand on before it died is handed on after it', async () => {
  const { ada, id, socket } = await roomOfTwo()
  const channel = env.CHANNEL.getByName(id)
  const { body } = await say(ada, id, 'Heard')
  await socket.wait(({ seq }) => seq === body.seq)
  await evictDurableObject(channel)
  const stored = await storeAsIfItDied(id, body.id)
  await runDurableObjectAlarm(channel)
  await socket.wait(({ seq }) => seq === stored)
  expect(seqsIn(socket, id)).toEqual([body.seq, stored])
  const { body: next } = await say(ada, id, 'Next')
  await socket.wait(({ seq }) => seq === next.seq)
  expect(seqsIn(socket, id)).toEqual([body.seq, stored, next.seq])
})

/** Another message like this one is in D1, and nobody was told. Gives its number. */
async function storeAsIfItDied(channelId: string, messageId: string): Promise<number> {
  const id = crypto.randomUUID()
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO channel_messages (id, channel_id, seq, author_id, author_kind, nonce, send_hash, content, mentions, attachments, created_at)
      SELECT ?1, channel_id, seq + 1, author_id, author_kind, ?1, send_hash, content, mentions, attachments, created_at
      FROM channel_messages WHERE id = ?2`,
    ).bind(id, messageId),
    env.DB.prepare(
      `INSERT INTO channel_events (channel_id, seq, type, actor_id, message_id, created_at)
      SELECT channel_id, seq, 'message', author_id, id, created_at FROM channel_messages WHERE id = ?`,
    ).bind(id),
    env.DB.prepare('UPDATE channels SET last_seq = last_seq + 1 WHERE id = ?').bind(channelId),
  ])
  const row = await env.DB.prepare('SELECT seq FROM channel_messages WHERE id = ?').bind(id).first<{ seq: number }>()
  return row!.seq
}

test('a place that is not of this epoch, or beyond what there is, or in a foreign channel, is reset', async () => {
  const { ada, bob, id, socket } = await roomOfTwo()
  socket.close()
  const foreign = await newChannel(ada)
  const again = await connect(bob, {
    [id]: { epoch: 2, seq: 1 },
    [foreign]: { epoch: 1, seq: 0 },
  })
  const reset = (of: string) => again.frames.find(({ type, ch }) => type === 'reset' && ch === of)!.data
  expect(reset(id)).toEqual({ reason: 'epoch', epoch: 1, head: 2 })
  expect(reset(foreign).reason).toBe('not_member')
  const ahead = await connect(bob, { [id]: { epoch: 1, seq: 99 } })
  expect(ahead.frames.find(({ type }) => type === 'reset')!.data).toEqual({ reason: 'ahead', epoch: 1, head: 2 })
  expect(ahead.frames.at(-1)!.data.channels[id]).toEqual({ epoch: 1, seq: 2, read_seq: 2 })
})

test('a database that was restored begins a new epoch, in which nothing is taken for old', async () => {
  const { ada, id, socket } = await roomOfTwo()
  const { seq } = (await say(ada, id, 'Kept')).body
  for (const n of [1, 2, 3, 4]) await say(ada, id, `Lost ${n}`)
  await socket.wait((frame) => frame.seq === seq + 4)
  await env.DB.batch([
    env.DB.prepare('DELETE FROM channel_messages WHERE channel_id = ? AND seq > ?').bind(id, seq),
    env.DB.prepare('DELETE FROM channel_events WHERE channel_id = ? AND seq > ?').bind(id, seq),
    env.DB.prepare('UPDATE channels SET last_seq = ?, epoch = 2 WHERE id = ?').bind(seq, id),
  ])
  await evictDurableObject(env.CHANNEL.getByName(id))
  const { body: after } = await say(ada, id, 'After')
  expect(after.seq).toBe(seq + 1)
  const reset = await socket.wait(({ type }) => type === 'reset')
  expect(reset.data).toEqual({ reason: 'epoch', epoch: 2, head: after.seq })
  const { body: next } = await say(ada, id, 'Next')
  await socket.wait(({ data }) => data?.id === next.id)
})

test('bad frames get an error, three that nobody can read end the socket, and the room goes on', async () => {
  const { ada, bob, id, socket } = await roomOfTwo()
  expect(await socket.ask('dance', {})).toMatchObject({ type: 'error', data: { code: 'bad_request' } })
  expect(await socket.ask('message.send', { channel_id: id, content: 'x' })).toMatchObject({
    data: { code: 'bad_request' },
  })
  expect(await socket.ask('message.send', { channel_id: crypto.randomUUID(), content: 'x', nonce: 'n' })).toMatchObject(
    {
      data: { code: 'not_found' },
    },
  )
  expect(await socket.ask('message.send', { channel_id: id, content: ' ', nonce: 'n' })).toMatchObject({
    data: { code: 'bad_request' },
  })
  for (const content of ['a\0b', '\ud800']) {
    expect(await socket.ask('message.send', { channel_id: id, content, nonce: 'n' })).toMatchObject({
      data: { code: 'bad_request', message: expect.stringMatching(/^\/data\/content: /) },
    })
  }
  const other = await connect(bob)
  for (const frame of ['{', new ArrayBuffer(3), '[]']) other.send(frame)
  expect((await other.ended()).code).toBe(4504)
  const large = await connect(bob)
  large.send(`"${'x'.repeat(17 * 1024)}"`)
  expect((await large.ended()).code).toBe(1009)
  const { body } = await say(ada, id, 'Still here')
  await socket.wait(({ seq }) => seq === body.seq)
})

test('too many frames are refused, far too many end the socket', async () => {
  const { socket } = await roomOfTwo()
  for (let n = 0; n < 60; n++) socket.send({ type: 'focus', id: `f${n}`, data: { channel_ids: [] } })
  const refused = await socket.wait(({ type }) => type === 'error')
  expect(refused.data).toMatchObject({ code: 'rate_limit_exceeded', temporary: true })
  for (let n = 0; n < 3_000; n++) socket.send({ type: 'focus', data: { channel_ids: [] } })
  expect((await socket.ended(15_000)).code).toBe(4104)
})

test('the eleventh socket of a user ends the first', async () => {
  const ada = await signIn()
  const sockets: TestSocket[] = []
  for (let n = 0; n < 11; n++) sockets.push(await connect(ada))
  expect(await sockets[0]!.ended()).toMatchObject({ code: 4502 })
  expect(sockets.slice(1).map(({ closed }) => closed)).toEqual(Array(10).fill(undefined))
})

test('who opens sockets in a loop is refused', async () => {
  const ada = await signIn()
  const authorization = `Bearer ${ada.tokens.access_token}`
  const opened = await Promise.all(Array.from({ length: 45 }, () => openSocket({ headers: { authorization } })))
  const refused = await Promise.all(opened.slice(-5).map((socket) => socket.ended()))
  expect(refused.map(({ code }) => code)).toContain(4104)
  const gateway = await gatewayOf(ada)
  const identity = { userId: crypto.randomUUID(), sessionId: 's', mode: 'chat.v1', since: Date.now(), focused: [] }
  const headers = { upgrade: 'websocket', 'x-parley-admission': JSON.stringify({ identity }) }
  const codes: number[] = []
  for (let n = 0; n < 40; n++) {
    const { webSocket } = await gateway.fetch('https://gateway/', { headers })
    webSocket!.addEventListener('close', ({ code }) => codes.push(code))
    webSocket!.accept()
  }
  await expect.poll(() => codes.filter((code) => code === 4104).length).toBeGreaterThan(5)
})

test('what is looked at changes once a second, and the last word counts', async () => {
  const { ada, id, socket } = await roomOfTwo()
  const mine = await connect(ada)
  for (const channel_ids of [[], [id], [], [id]]) mine.send({ type: 'focus', data: { channel_ids } })
  await socket.ask('read', { channel_id: id, seq: 1 })
  await mine.wait(({ type }) => type === 'presence')
  // Both are there, in one frame for each Gateway that has some of them.
  const shown = () => new Set(mine.frames.filter(({ type }) => type === 'presence').map(({ data }) => data.user_id))
  await expect.poll(() => shown().size).toBe(2)
})

test('who does not resume in time is sent away', async () => {
  const ada = await signIn()
  const socket = await openSocket({ headers: { authorization: `Bearer ${ada.tokens.access_token}` } })
  const gateway = await gatewayOf(ada)
  await runInDurableObject(gateway, (_, state) => {
    for (const each of state.getWebSockets()) {
      const identity = each.deserializeAttachment()
      each.serializeAttachment({ ...identity, since: identity.since - 20_000 })
    }
  })
  await evictDurableObject(gateway)
  await runDurableObjectAlarm(gateway)
  expect(await socket.ended()).toMatchObject({ code: 4105 })
})

test('a session that ended without anybody having told it is found by the tick', async () => {
  const ada = await signIn()
  const socket = await connect(ada)
  await env.DB.prepare('UPDATE sessions SET revoked_at = 1 WHERE user_id = ?').bind(ada.user.id).run()
  const gateway = await gatewayOf(ada)
  await evictDurableObject(gateway)
  await runDurableObjectAlarm(gateway)
  expect(await socket.ended()).toMatchObject({ code: 4500 })
})
