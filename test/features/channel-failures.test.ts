import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { app } from '../../src/app.ts'
import { CommandQueue } from '../../src/features/channels/command-queue.ts'
import { toEvent } from '../../src/features/channels/event-rows.ts'
import type { Command } from '../../src/lib/channel-commands.ts'
import { sendCommand } from '../../src/lib/send-command.ts'
import { add, join, newChannel, rolesIn, said, say } from '../support/channels.ts'
import { countOf, countTo, one, type SignedIn, signIn } from '../support/client.ts'
import { connect } from '../support/socket.ts'

const lost = () => new Error('D1_ERROR: Network connection lost.')

/** What becomes of the nth batch, which may be made or not. */
type Fate = (nth: number, make: () => Promise<D1Result[]>) => Promise<D1Result[]>

/** A queue as a channel's object has it, over a D1 that fails as it is told. */
async function queueOf(channelId: string, fate: Fate = (_, make) => make()) {
  let head = (await one<{ head: number }>('SELECT last_seq AS head FROM channels WHERE id = ?', channelId))!.head
  let batches = 0
  const d1 = {
    prepare: (query: string) => env.DB.prepare(query),
    batch: (statements: D1PreparedStatement[]) => fate(++batches, () => env.DB.batch(statements)),
  } as unknown as D1Database
  const queue = new CommandQueue({
    channelId,
    d1,
    after: () => head,
    hasChatbots: () => false,
    committed: async (rows) => {
      head = rows.at(-1)?.seq ?? head
      return rows.map((row) => toEvent(channelId, row))
    },
    lost: () => {},
    log: () => {},
  })
  return { queue, batches: () => batches }
}

const send = (who: SignedIn, nonce: string, id: string = crypto.randomUUID()) =>
  sendCommand({ actor: who.user.id, id, nonce, content: 'Hi', threadId: null, attachments: [] })

/** What an object works with. */
const envOf = (instance: unknown) => (instance as { env: Env }).env

/** The first batch is made, and its answer gets lost. */
const answerLost: Fate = async (nth, make) => {
  const results = await make()
  if (nth === 1) throw lost()
  return results
}
/** The first batch gets lost. */
const batchLost: Fate = async (nth, make) => {
  if (nth === 1) throw lost()
  return make()
}

test.each([
  ['a batch', batchLost],
  ['the answer to a batch', answerLost],
])('%s gets lost, and what it was to store is there once, and told', async (_, fate) => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const message = await said(ada, id, 'Before')
  const common = { actor: ada.user.id, request_id: null }
  const about = () => ({ ...common, command_id: crypto.randomUUID(), audit_id: crypto.randomUUID() })
  const commands: Command[] = [
    await send(ada, 'n1'),
    { type: 'message.edit', message_id: message, content: 'After', names: [], ...about() },
    { type: 'reaction.add', message_id: message, emoji: '👍', ...about() },
    { type: 'member.ban', target: bob.user.id, reason: null, ...about() },
    { type: 'channel.update', changes: { name: 'lobby' }, ...about() },
  ]
  for (const [at, command] of commands.entries()) {
    const { queue, batches } = await queueOf(id, fate)
    const outcome = await queue.do(command)
    expect(outcome).toMatchObject({ ok: true, seq: at + 3, event: { seq: at + 3 } })
    if (command.type === 'message.send')
      expect(outcome).toMatchObject({ message: { id: command.id, duplicate: false } })
    expect(batches()).toBe(2)
  }
  expect(await countOf('channel_events WHERE channel_id = ?', id)).toBe(7)
  expect(await countOf('channel_messages WHERE channel_id = ?', id)).toBe(2)
  expect(await countOf('channel_message_versions WHERE message_id = ?', message)).toBe(1)
  expect(await countOf('reactions WHERE message_id = ?', message)).toBe(1)
  expect(await countOf('audit_log WHERE target_id = ?', id)).toBe(1)
  expect((await ada('GET', `/channels/${id}/messages/${message}`)).body).toMatchObject({
    content: 'After',
    reactions: [{ emoji: '👍', count: 1 }],
  })
})

test('handing a channel over is done once, though the answer to it got lost', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const { queue } = await queueOf(id, answerLost)
  const command = {
    type: 'member.update',
    actor: ada.user.id,
    command_id: 'c',
    target: bob.user.id,
    role: 'owner',
  } as const
  expect(await queue.do(command)).toMatchObject({ ok: true, seq: 3 })
  expect(await rolesIn(ada, id)).toEqual({ [ada.user.id]: 'moderator', [bob.user.id]: 'owner' })
  expect(await countOf('channel_events WHERE channel_id = ?', id)).toBe(4)
  // The same command at any later time has the result that it had.
  expect(await (await queueOf(id)).queue.do(command)).toMatchObject({ ok: true, seq: 3, event: null })
})

test('while D1 is away commands are refused for the moment, and nothing of them is done', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  let isAway = true
  const { queue, batches } = await queueOf(id, async (_, make) => {
    if (isAway) throw lost()
    return make()
  })
  const refused = await Promise.all([queue.do(await send(ada, 'n1')), queue.do(await send(ada, 'n2'))])
  expect(refused).toEqual(refused.map(() => ({ ok: false, code: 'unavailable', retryAfterMs: 1_000 })))
  // Three tries of each group.
  expect(batches()).toBe(6)
  expect(await countOf('channel_messages WHERE channel_id = ?', id)).toBe(0)
  isAway = false
  expect(await queue.do(await send(ada, 'n1'))).toMatchObject({ ok: true, seq: 2, message: { duplicate: false } })
})

test('a D1 that says nothing keeps nobody waiting for long, neither whose batch it has nor who came behind', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  let isSilent = true
  const { queue, batches } = await queueOf(id, (_, make) => (isSilent ? new Promise(() => {}) : make()))
  const startedAt = Date.now()
  const refused = await Promise.all([queue.do(await send(ada, 'n1')), queue.do(await send(ada, 'n2'))])
  expect(Date.now() - startedAt).toBeLessThan(8_000)
  expect(refused).toEqual(refused.map(() => ({ ok: false, code: 'unavailable', retryAfterMs: 1_000 })))
  // It may still do it: that is no reason to ask again at once.
  expect(batches()).toBe(1)
  isSilent = false
  expect(await queue.do(await send(ada, 'n1'))).toMatchObject({ ok: true, message: { duplicate: false } })
})

test('one that cannot be stored takes none of its group along', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const there = await said(ada, id, 'Here first')
  const { queue } = await queueOf(id)
  // The first keeps the queue busy, so that the others are a group. No client chooses an id.
  const outcomes = await Promise.all(
    [await send(ada, 'n0'), await send(ada, 'n1'), await send(ada, 'n2', there), await send(ada, 'n3')].map((each) =>
      queue.do(each),
    ),
  )
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false, true])
  expect(outcomes[2]).toMatchObject({ code: 'unavailable' })
  expect(await countOf('channel_messages WHERE channel_id = ?', id)).toBe(4)
})

test('two instances that write at once leave no hole and no number twice', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await add(ada, id, bob)
  const queues = [await queueOf(id), await queueOf(id)]
  const outcomes = await Promise.all(
    countTo(60).flatMap((n) => queues.map(async ({ queue }, nth) => queue.do(await send([ada, bob][nth]!, `n${n}`)))),
  )
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([])
  const seqs = outcomes.map((outcome) => (outcome.ok ? outcome.seq! : 0)).sort((a, b) => a - b)
  expect(seqs).toEqual(countTo(120).map((n) => n + 2))
  expect(await one('SELECT last_seq FROM channels WHERE id = ?', id)).toEqual({ last_seq: 122 })
})

/** A channel of Ada's whose other member, Bob, has a socket. */
async function watched() {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  return { ada, bob, id, socket: await connect(bob), channel: env.CHANNEL.getByName(id) }
}

test('what D1 has, though every answer to it got lost, is handed on as soon as the channel looks again', async () => {
  const { ada, id, socket, channel } = await watched()
  await runInDurableObject(channel, (instance) => {
    const { DB } = envOf(instance)
    const batch = DB.batch.bind(DB)
    DB.batch = async (statements) => {
      await batch(statements)
      throw lost()
    }
  })
  expect((await say(ada, id, 'Stored')).status).toBe(503)
  await runInDurableObject(channel, (instance) => {
    delete (envOf(instance).DB as { batch?: unknown }).batch
  })
  await runDurableObjectAlarm(channel)
  await socket.wait(({ type, data }) => type === 'message' && data.content === 'Stored')
})

/** A ban as an instance stores it that dies before it tells anybody. */
async function banUntold(by: SignedIn, whom: SignedIn, id: string): Promise<void> {
  await evictDurableObject(env.CHANNEL.getByName(id))
  const { queue } = await queueOf(id)
  const ids = { command_id: crypto.randomUUID(), audit_id: crypto.randomUUID(), request_id: null }
  const outcome = await queue.do({
    type: 'member.ban',
    actor: by.user.id,
    target: whom.user.id,
    reason: null,
    ...ids,
  })
  expect(outcome).toMatchObject({ ok: true })
}

test('who was banned by an instance that died before it told anybody is told by the next', async () => {
  const { ada, bob, id, socket, channel } = await watched()
  await said(ada, id, 'Before')
  await banUntold(ada, bob, id)
  await runDurableObjectAlarm(channel)
  await socket.wait(({ type }) => type === 'channel.gone')
})

test('who was banned by such an instance while they were away does not come in by what their Gateway remembers', async () => {
  const { ada, bob, id, socket, channel } = await watched()
  socket.close()
  await socket.ended()
  await said(ada, id, 'Before')
  await runDurableObjectAlarm(channel)
  await banUntold(ada, bob, id)
  const again = await connect(bob)
  await again.wait(({ type }) => type === 'channel.gone')
  await said(ada, id, 'After')
  expect(again.frames.filter(({ type }) => type === 'message')).toEqual([])
})

test('one nonce is one command', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const message = await said(ada, id, 'Hi')
  const socket = await connect(ada)
  const about = { channel_id: id, message_id: message, nonce: 'n1' }
  const added = await socket.ask('reaction.add', { ...about, emoji: '👍' })
  expect(added).toMatchObject({ type: 'ack' })
  expect(await socket.ask('reaction.add', { ...about, emoji: '👍' })).toMatchObject({ type: 'ack', seq: added.seq })
  expect(await socket.ask('message.delete', about)).toMatchObject({ type: 'error', data: { code: 'nonce_conflict' } })
})

test('what waits beyond a thousand is refused at once', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  let release = () => {}
  const gate = new Promise<void>((open) => {
    release = open
  })
  const { queue, batches } = await queueOf(id, async (_, make) => {
    await gate
    return make()
  })
  const commands = await Promise.all(countTo(1_011).map((n) => send(ada, `n${n}`)))
  const outcomes = commands.map((command) => queue.do(command))
  expect(await outcomes.at(-1)).toMatchObject({ ok: false, code: 'unavailable' })
  release()
  const done = await Promise.all(outcomes)
  expect(done.filter(({ ok }) => ok)).toHaveLength(1_001)
  // A hundred at a time, after the first.
  expect(batches()).toBe(11)
  expect(await one('SELECT last_seq FROM channels WHERE id = ?', id)).toEqual({ last_seq: 1_002 })
}, 60_000)

test('a channel whose object cannot be reached answers 503 with when to come again', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const submit = () => Promise.reject(new Error('the object was reset'))
  const broken = { ...env, CHANNEL: { getByName: () => ({ submit }) } } as unknown as Env
  const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
  const request = new Request(`https://parley.test/api/v1/channels/${id}/messages`, {
    method: 'POST',
    body: '{"content":"Hi"}',
    headers: { authorization: `Bearer ${ada.tokens.access_token}`, 'content-type': 'application/json' },
  })
  const response = await app.fetch(request, broken, execution)
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await response.json()).toMatchObject({ code: 'overloaded' })
  expect((await ada('GET', `/channels/${id}/messages`)).body).toEqual([])
})
