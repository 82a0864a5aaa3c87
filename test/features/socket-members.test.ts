import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { newChannel, say } from '../support/channels.ts'
import { client, PASSWORD, type SignedIn, signIn, signInAdmin } from '../support/client.ts'
import { connect, connectSeed, eventsIn } from '../support/socket.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('who joins, is taken in or makes a channel hears of it at once, on all sockets', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [first, second] = [await connect(bob), await connect(bob)]
  const id = await newChannel(ada, { visibility: 'private' })
  await ada('POST', `/channels/${id}/members`, { user_id: bob.user.id })
  const { body } = await say(ada, id, 'Welcome')
  for (const socket of [first, second]) {
    expect((await socket.wait(({ type }) => type === 'channel.added')).data).toEqual({ epoch: 1, seq: 1, read_seq: 2 })
    await socket.wait(({ seq }) => seq === body.seq)
    expect(eventsIn(socket, id).map(({ type }) => type)).toEqual(['member.joined', 'message'])
  }
  const own = await newChannel(bob)
  await first.wait(({ type, ch }) => type === 'channel.added' && ch === own)
})

test('who leaves, is taken out or banned hears it, and nothing after it', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  for (const [end, type] of [
    [(who: SignedIn) => who('POST', `/channels/${id}/leave`), 'member.left'],
    [(who: SignedIn) => ada('DELETE', `/channels/${id}/members/${who.user.id}`), 'member.removed'],
    [(who: SignedIn) => ada('POST', `/channels/${id}/ban-by-username/${who.user.username}`), 'member.banned'],
  ] as const) {
    const bob = await signIn()
    await bob('POST', `/channels/${id}/join`)
    const socket = await connect(bob)
    await end(bob)
    await say(ada, id, 'After')
    await socket.wait((frame) => frame.type === 'channel.gone' && frame.ch === id)
    await pause(50)
    expect(eventsIn(socket, id).map((event) => event.type)).toEqual([type])
  }
})

test('of 200 messages that flow while somebody is banned none reaches them after the answer', async () => {
  const [ada, eve, bob] = [await signIn(), await signIn(), await signIn()]
  const id = await newChannel(ada)
  for (const who of [eve, bob]) await who('POST', `/channels/${id}/join`)
  const socket = await connect(bob)
  const senders = await Promise.all(Array.from({ length: 20 }, () => signIn()))
  const flowing = Promise.all(
    senders.map(async (sender) => {
      for (let n = 0; n < 10; n++) await say(sender, id, `Flowing ${n}`)
    }),
  )
  await pause(100)
  await ada('POST', `/channels/${id}/ban-by-username/${bob.user.username}`)
  await pause(5)
  const heard = socket.frames.length
  await flowing
  await pause(100)
  expect(socket.frames.length).toBe(heard)
  expect(eventsIn(socket, id).at(-1)!.type).toBe('member.banned')
})

/** As if the channel's object had died between the commit of a ban and telling anybody. */
async function banUntold(channelId: string, userId: string) {
  const { DB } = env
  await DB.batch([
    DB.prepare(
      `INSERT INTO channel_events (channel_id, seq, type, payload, created_at)
        SELECT id, last_seq + 1, 'member.banned', json_object('user_id', ?), 0 FROM channels WHERE id = ?`,
    ).bind(userId, channelId),
    DB.prepare("INSERT INTO channel_bans (channel_id, user_id, created_by, created_at) VALUES (?, ?, '', 0)").bind(
      channelId,
      userId,
    ),
    DB.prepare('DELETE FROM channel_members WHERE channel_id = ? AND member_id = ?').bind(channelId, userId),
    DB.prepare('UPDATE channels SET last_seq = last_seq + 1 WHERE id = ?').bind(channelId),
  ])
  await evictDurableObject(env.CHANNEL.getByName(channelId))
}

test('a ban that nobody was told of is told before what follows it', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await bob('POST', `/channels/${id}/join`)
  const socket = await connect(bob)
  await banUntold(id, bob.user.id)
  await say(ada, id, 'After')
  await socket.wait(({ type }) => type === 'channel.gone')
  await pause(100)
  expect(eventsIn(socket, id).map(({ type }) => type)).toEqual(['member.banned'])
})

test('a ban that is repeated holds from its answer on, whatever became of the first', async () => {
  const [ada, bob, eve] = [await signIn(), await signIn(), await signIn()]
  const id = await newChannel(ada)
  for (const who of [bob, eve]) await who('POST', `/channels/${id}/join`)
  const [socket, other] = [await connect(bob), await connect(eve)]
  await banUntold(id, bob.user.id)
  expect((await ada('POST', `/channels/${id}/ban-by-username/${bob.user.username}`)).status).toBe(200)
  const heard = socket.frames.length
  const { body } = await say(ada, id, 'After')
  await other.wait(({ seq, type }) => type === 'message' && seq === body.seq)
  await pause(100)
  expect(socket.frames).toHaveLength(heard)
  expect(JSON.stringify(socket.frames)).not.toContain('After')
})

test('a channel that becomes private is closed to those who only looked at it', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const socket = await connectSeed(bob)
  await pause(200)
  await say(ada, id, 'Public')
  await socket.wait(({ data }) => data.content === 'Public')
  await ada('PATCH', `/channels/${id}`, { visibility: 'private' })
  await say(ada, id, 'Private')
  await pause(100)
  expect(socket.frames).toHaveLength(1)
})

test('a new public channel reaches the sockets of contract 3 that are open', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const socket = await connectSeed(bob)
  await pause(200)
  const id = await newChannel(ada)
  await say(ada, id, 'Anybody?')
  await socket.wait(({ data }) => data.content === 'Anybody?')
})

test('an edit, a deletion, a reaction and a pin are events, and what is deleted is not sent again', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await bob('POST', `/channels/${id}/join`)
  const { body: message } = await say(ada, id, 'Secret')
  const socket = await connect(ada)
  const on = { channel_id: id, message_id: message.id }
  for (const [type, data] of [
    ['reaction.add', { ...on, emoji: '👍' }],
    ['reaction.add', { ...on, emoji: '👍' }],
    ['message.edit', { ...on, content: 'Public' }],
    ['message.delete', on],
  ] as const) {
    expect((await socket.ask(type, data)).type).toBe('ack')
  }
  await socket.wait(({ type }) => type === 'message.deleted')
  expect(eventsIn(socket, id).map(({ type }) => type)).toEqual(['reaction.added', 'message.updated', 'message.deleted'])
  const late = await connect(bob, { [id]: { epoch: 1, seq: 2 } })
  const replayed = eventsIn(late, id)
  expect(replayed.map(({ type }) => type)).toEqual(['message', 'reaction.added', 'message.updated', 'message.deleted'])
  expect(JSON.stringify(replayed)).not.toMatch(/Secret|Public/)
})

test('what is read on one socket is known on the others', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await bob('POST', `/channels/${id}/join`)
  const { body } = await say(ada, id, 'Read me')
  const [phone, laptop] = [await connect(bob), await connect(bob)]
  expect(await phone.ask('read', { channel_id: id, seq: 999 })).toMatchObject({ type: 'ack', seq: body.seq })
  expect((await laptop.wait(({ type }) => type === 'read.updated')).data).toEqual({ read_seq: body.seq })
  expect(await phone.ask('read', { channel_id: crypto.randomUUID(), seq: 1 })).toMatchObject({
    type: 'error',
    data: { code: 'not_found' },
  })
})

test('who types and who is there is shown to those who look, over shards', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const others = await Promise.all(Array.from({ length: 4 }, () => signIn()))
  for (const who of others) await who('POST', `/channels/${id}/join`)
  const mine = await connect(ada)
  mine.send({ type: 'focus', data: { channel_ids: [id] } })
  for (const who of others) {
    const socket = await connect(who)
    socket.send({ type: 'typing', data: { channel_id: id } })
    await mine.wait(({ type, data }) => type === 'typing' && data.user_id === who.user.id)
    await mine.wait(({ type, data }) => type === 'presence' && data.user_id === who.user.id && data.state === 'online')
  }
})

test('sockets end with a disabled account, and with other sessions when the password changes', async () => {
  const [admin, ada, bob] = [await signInAdmin(), await signIn(), await signIn()]
  const disabled = await connect(ada)
  await admin('PATCH', `/admin/users/${ada.user.id}`, { is_active: false })
  expect(await disabled.ended()).toMatchObject({ code: 4501 })
  const { body: tokens } = await client()('POST', '/auth/login', { username: bob.user.username, password: PASSWORD })
  const [kept, other] = [await connect(bob), await connect({ ...bob, tokens } as SignedIn)]
  const change = { current_password: PASSWORD, new_password: `${PASSWORD}-2` }
  expect((await bob('POST', '/auth/password/change', change)).status).toBe(204)
  expect(await other.ended()).toMatchObject({ code: 4500 })
  expect(kept.closed).toBeUndefined()
})
