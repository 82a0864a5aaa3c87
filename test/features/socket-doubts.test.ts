import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { gatewayName, shardOf } from '../../src/lib/shards.ts'
import { ban, join, newChannel, say } from '../support/channels.ts'
import { type SignedIn, signIn } from '../support/client.ts'
import { connect, connectSeed, eventsIn } from '../support/socket.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const shardOfUser = (user: SignedIn) => shardOf(user.user.id, 3)
const gatewayOf = async (user: SignedIn) => env.GATEWAY.getByName(gatewayName(await shardOfUser(user)))

/** Another user whose sockets are on the same shard. */
async function neighbourOf(user: SignedIn): Promise<SignedIn> {
  const shard = await shardOfUser(user)
  for (;;) {
    const other = await signIn()
    if ((await shardOfUser(other)) === shard) return other
  }
}

/** What happens to a user in D1 without anybody being told. */
const UNTOLD = {
  left: 'DELETE FROM channel_members WHERE channel_id = ?1 AND member_id = ?2',
  came: "INSERT INTO channel_members (channel_id, member_id, role, joined_at) VALUES (?1, ?2, 'member', 0)",
  banned: "INSERT INTO channel_bans (channel_id, user_id, created_by, created_at) VALUES (?1, ?2, '', 0)",
  hidden: "UPDATE channels SET visibility = 'private' WHERE id = ?1 AND ?2 IS NOT NULL",
}
const happens = (what: keyof typeof UNTOLD, channelId: string, { user }: SignedIn) =>
  env.DB.prepare(UNTOLD[what]).bind(channelId, user.id).run()

test('what a socket of contract 3 saw is forgotten with it, also when nobody notices its end', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const gateway = await gatewayOf(bob)
  const seen = () =>
    runInDurableObject(gateway, (_, { storage }) =>
      storage.sql.exec('SELECT 1 FROM guest_channels WHERE user_id = ? AND channel_id = ?', bob.user.id, id).toArray(),
    )
  const first = await connectSeed(bob)
  await pause(300)
  expect(await seen()).toHaveLength(1)
  first.close()
  await first.ended()
  await pause(50)
  expect(await seen()).toHaveLength(0)
  // As after a crash.
  await runInDurableObject(gateway, (_, { storage }) => {
    storage.sql.exec('INSERT INTO guest_channels VALUES (?, ?)', bob.user.id, id)
  })
  await ada('PATCH', `/channels/${id}`, { visibility: 'private' })
  const second = await connectSeed(bob)
  await pause(300)
  expect(await seen()).toHaveLength(0)
  await evictDurableObject(gateway)
  await say(ada, id, 'Private')
  await pause(200)
  expect(second.frames).toEqual([])
  await runInDurableObject(gateway, (_, { storage }) => {
    storage.sql.exec('INSERT INTO guest_channels VALUES (?, ?)', ada.user.id, id)
  })
  await evictDurableObject(gateway)
  const left = await runInDurableObject(gateway, (_, { storage }) =>
    storage.sql.exec('SELECT 1 FROM guest_channels WHERE channel_id = ?', id).toArray(),
  )
  expect(left).toEqual([])
})

test('who was told of a public channel when it was private already does not look at it', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const socket = await connectSeed(bob)
  await pause(300)
  const id = await newChannel(ada, { visibility: 'private' })
  await (await gatewayOf(bob)).opened(id, [ada.user.id], true)
  await say(ada, id, 'Not for them')
  const other = await newChannel(ada)
  await say(ada, other, 'For all')
  await socket.wait(({ data }) => data.content === 'For all')
  expect(socket.frames).toHaveLength(1)
})

test.each(['banned', 'hidden'] as const)('a doubt finds out that who only looked was %s', async (what) => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [id, other] = [await newChannel(ada), await newChannel(ada)]
  const socket = await connectSeed(bob)
  await pause(300)
  await happens(what, id, bob)
  await (await gatewayOf(bob)).doubt([bob.user.id])
  await say(ada, id, 'Not for them')
  await say(ada, other, 'For all')
  await socket.wait(({ data }) => data.content === 'For all')
  await pause(100)
  expect(socket.frames).toHaveLength(1)
})

test('a doubt that comes with a subscription does not wait for it', async () => {
  const ada = await signIn()
  const bob = await neighbourOf(ada)
  const id = await newChannel(ada, { visibility: 'private' })
  const theirs = await connect(bob)
  await happens('came', id, bob)
  const event = { seq: 2, type: 'member.joined', frame: '{}', message_id: null, subject: bob.user.id }
  const shard = await shardOfUser(bob)
  const channel = env.CHANNEL.getByName(id)
  await channel.subscribe(shard)
  await runInDurableObject(channel, (_, { storage }) => {
    storage.sql.exec('DELETE FROM subscriptions')
    storage.sql.exec('INSERT INTO outbox VALUES (?, 2, ?)', shard, JSON.stringify(event))
  })
  await evictDurableObject(channel)
  await connect(ada)
  await theirs.wait(({ type, ch }) => type === 'channel.added' && ch === id)
})

test('who is doubted when the Gateway falls asleep hears nothing when it wakes', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [id, other] = [await newChannel(ada), await newChannel(ada)]
  for (const each of [id, other]) await join(bob, each)
  const socket = await connect(bob)
  const gateway = await gatewayOf(bob)
  await happens('left', id, bob)
  await runInDurableObject(gateway, (_, { storage }) => {
    storage.sql.exec('UPDATE users SET loaded_at = 0 WHERE user_id = ?', bob.user.id)
  })
  await evictDurableObject(gateway)
  await say(ada, id, 'Not for them')
  const { body } = await say(ada, other, 'For them')
  await pause(200)
  expect(eventsIn(socket, id)).toEqual([])
  // With it the list is read anew, but not for the socket that waits.
  const second = await connect(bob)
  expect(Object.keys(second.frames.at(-1)!.data.channels)).toEqual([other])
  await runDurableObjectAlarm(gateway)
  await socket.wait(({ type, ch }) => type === 'channel.gone' && ch === id)
  // Whatever came meanwhile comes now.
  await socket.wait(({ type, ch, data }) => type === 'replay' && ch === other && data.to === body.seq)
  expect(eventsIn(socket, id)).toEqual([])
})

test('an old event of somebody’s joining does not bring back who was banned since', async () => {
  const ada = await signIn()
  const [bob, eve] = [await neighbourOf(ada), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const socket = await connect(bob)
  const mine = await connect(ada)
  await ban(ada, id, bob)
  await socket.wait(({ type }) => type === 'channel.gone')
  const event = { seq: 2, type: 'member.joined', frame: '{}', message_id: null, subject: bob.user.id }
  const late = { channel: id, epoch: 1, from: 2, to: 2, events: [event], generation: 0 }
  await (await gatewayOf(bob)).push(late)
  await join(eve, id)
  const { body } = await say(ada, id, 'After')
  await mine.wait(({ type, seq }) => type === 'message' && seq === body.seq)
  await pause(100)
  expect(eventsIn(socket, id).map(({ type }) => type)).toEqual(['member.banned'])
  expect(mine.frames.filter(({ type }) => type === 'replay')).toEqual([])
})

test('an old event of somebody’s leaving that comes late takes them out', async () => {
  const ada = await signIn()
  const bob = await neighbourOf(ada)
  const id = await newChannel(ada)
  await join(bob, id)
  const [mine, socket] = [await connect(ada), await connect(bob)]
  const heard = await say(ada, id, 'For both')
  await socket.wait(({ type, seq }) => type === 'message' && seq === heard.body.seq)
  await happens('left', id, bob)
  const event = { seq: 2, type: 'member.removed', frame: '{}', message_id: null, subject: bob.user.id }
  await (await gatewayOf(bob)).push({ channel: id, epoch: 1, from: 2, to: 2, events: [event], generation: 0 })
  const { body } = await say(ada, id, 'For one')
  await mine.wait(({ type, seq }) => type === 'message' && seq === body.seq)
  await socket.wait(({ type, ch }) => type === 'channel.gone' && ch === id)
  expect(eventsIn(socket, id)).toHaveLength(1)
})
