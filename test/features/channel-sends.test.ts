import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { sendCommand } from '../../src/lib/send-command.ts'
import { join, newChannel, refusalOf, said, say, seqsOf, setMember, signInMany } from '../support/channels.ts'
import { type Answer, countOf, countTo, type SignedIn, signIn } from '../support/client.ts'

const submit = async (channel: string, actor: string, nonce: string, content: string) => {
  const id = crypto.randomUUID()
  const command = await sendCommand({ actor, id, nonce, content, threadId: null, attachments: [] })
  return (await env.CHANNEL.getByName(channel).submit([command]))[0]!
}
const sequence = (from: number, to: number) => countTo(to - from + 1).map((n) => from - 1 + n)

/** All numbers of a channel's messages, as its history shows them. */
async function allSeqs(who: SignedIn, id: string): Promise<number[]> {
  const seqs: number[] = []
  for (let path: string | undefined = `/channels/${id}/messages?after_seq=0&limit=100`; path; ) {
    const page: Answer = await who('GET', path)
    seqs.push(...seqsOf(page))
    path = page.headers.get('link')?.slice(1).split('>')[0]
  }
  return seqs
}

test('of 1,000 messages by twenty at once each has a number of its own, and none is missing', async () => {
  const [ada, ...others] = await signInMany(20)
  const id = await newChannel(ada!)
  await Promise.all(others.map((who) => join(who, id)))
  const everybody = [ada!, ...others]
  const outcomes: Awaited<ReturnType<typeof submit>>[] = []
  // Nobody says more in a second than may be, and all of them at once.
  const speak = async (who: SignedIn, nth: number) => {
    for (const n of countTo(50)) {
      let outcome = await submit(id, who.user.id, `${nth}-${n}`, `No ${n}`)
      while (!outcome.ok && outcome.code === 'rate_limit_exceeded') {
        await scheduler.wait(outcome.retryAfterMs!)
        outcome = await submit(id, who.user.id, `${nth}-${n}`, `No ${n}`)
      }
      outcomes.push(outcome)
    }
  }
  await Promise.all(everybody.map(speak))
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([])
  expect(outcomes.map((outcome) => outcome.ok && outcome.seq).sort((a, b) => Number(a) - Number(b))).toEqual(
    sequence(21, 1_020),
  )
  expect(await allSeqs(ada!, id)).toEqual(sequence(21, 1_020))
  expect(await countOf('channel_events WHERE channel_id = ?', id)).toBe(1_020)
  for (const [nth, { user }] of everybody.entries()) {
    const { results } = await env.DB.prepare(
      'SELECT nonce FROM channel_messages WHERE channel_id = ? AND author_id = ? ORDER BY seq',
    )
      .bind(id, user.id)
      .all<{ nonce: string }>()
    expect(results.map(({ nonce }) => nonce)).toEqual(countTo(50).map((n) => `${nth}-${n}`))
  }
}, 60_000)

test('messages and other commands at once leave no hole and no number twice', async () => {
  const people = await signInMany(6)
  const [ada, ...others] = people
  const id = await newChannel(ada!)
  await Promise.all(
    others.flatMap((who, nth) => [
      say(who, id, 'Hi', { nonce: `a${nth}` }),
      say(who, id, 'Hi again', { nonce: `b${nth}` }),
      ada!('PATCH', `/channels/${id}`, { description: `No ${nth}` }),
      say(ada!, id, 'Mine', { nonce: `c${nth}` }),
      who('POST', `/channels/${id}/leave`),
      say(who, id, 'Back', { nonce: `d${nth}` }),
    ]),
  )
  const { last_seq } = (await ada!('GET', `/channels/${id}`)).body
  const { results } = await env.DB.prepare('SELECT seq FROM channel_events WHERE channel_id = ? ORDER BY seq')
    .bind(id)
    .all<{ seq: number }>()
  expect(results.map(({ seq }) => seq)).toEqual(sequence(1, last_seq))
  const messages = await countOf('channel_messages WHERE channel_id = ?', id)
  expect(messages).toBe(20)
  expect(await countOf("channel_events WHERE channel_id = ? AND type = 'message'", id)).toBe(messages)
})

test('the same nonce twenty times at once is one message', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const outcomes = await Promise.all(countTo(20).map(() => submit(id, ada.user.id, 'once', 'Once')))
  const sent = outcomes.filter((outcome) => outcome.ok)
  const limited = outcomes.filter((outcome) => !outcome.ok && outcome.code === 'rate_limit_exceeded')
  expect(sent.length + limited.length).toBe(20)
  expect(new Set(sent.map(({ message }) => message!.id)).size).toBe(1)
  expect(sent.filter(({ message }) => !message!.duplicate)).toHaveLength(1)
  const answers = await Promise.all(countTo(5).map(() => say(ada, id, 'Once', { nonce: 'once' })))
  for (const { body } of answers.filter(({ status }) => status !== 429)) expect(body.id).toBe(sent[0]!.message!.id)
  expect(await countOf('channel_messages WHERE channel_id = ?', id)).toBe(1)
})

test('of different texts under one nonce at once one is said, and the others are refused', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const outcomes = await Promise.all(countTo(8).map((n) => submit(id, ada.user.id, 'once', `No ${n}`)))
  expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.code)).sort()).toEqual([
    ...Array(7).fill('nonce_conflict'),
    'ok',
  ])
  expect(await countOf('channel_messages WHERE channel_id = ?', id)).toBe(1)
})

test('a nonce is its author’s own, and its channel’s', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [one, two] = [await newChannel(ada), await newChannel(ada)]
  const answers = [
    await say(ada, one, 'Hi', { nonce: 'n' }),
    await say(bob, one, 'Ho', { nonce: 'n' }),
    await say(ada, two, 'He', { nonce: 'n' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
})

test('an Idempotency-Key is a nonce, also one that is too long to be one', async () => {
  const ada = await signIn()
  let id = await newChannel(ada)
  const send = (key: string, body: object = { content: 'Once' }, path = `/channels/${id}/messages`) =>
    ada('POST', path, body, { headers: { 'idempotency-key': key } })
  for (const key of ['short', 'a key/with: signs'.replaceAll(' ', '+'), 'x'.repeat(255)]) {
    const first = await send(key)
    expect(await send(`"${key}"`)).toMatchObject({ status: 200, body: { id: first.body.id } })
    const chat = { content: 'Once', channel_id: id }
    expect(await send(key, chat, '/chat/messages')).toMatchObject({ status: 200, body: { id: first.body.id } })
    expect(refusalOf(await send(key, { content: 'Twice' }))).toBe('409 nonce_conflict')
    // One may not say so much in one channel.
    id = await newChannel(ada)
  }
  expect(refusalOf(await send('x'.repeat(256)))).toBe('400 idempotency_key_invalid')
  expect((await send('n1', { content: 'Once', nonce: 'n1' })).status).toBe(201)
  expect((await send('n2', { content: 'Once', nonce: 'n3' })).status).toBe(422)
  expect((await say(ada, id, 'Without')).body.nonce).toMatch(/^[0-9a-f-]{36}$/)
})

test('a repeated send shows the message as it is by now', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const { body } = await say(ada, id, 'Helo', { nonce: 'n' })
  await ada('PATCH', `/channels/${id}/messages/${body.id}`, { content: 'Hello' })
  expect(await say(ada, id, 'Helo', { nonce: 'n' })).toMatchObject({
    status: 200,
    body: { content: 'Hello', version: 2 },
  })
  await ada('DELETE', `/channels/${id}/messages/${body.id}`)
  expect(await say(ada, id, 'Helo', { nonce: 'n' })).toMatchObject({ status: 200, body: { content: null } })
})

test('who says too much is told when to go on, in this channel alone', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [id, other] = [await newChannel(ada), await newChannel(ada)]
  await join(bob, id)
  const answers = await Promise.all(countTo(20).map((n) => say(bob, id, `No ${n}`)))
  const refused = answers.filter(({ status }) => status === 429)
  // A burst of ten, and five more each second.
  expect(refused.length).toBeGreaterThanOrEqual(5)
  expect(refused.length).toBeLessThanOrEqual(10)
  for (const { body, headers } of refused) {
    expect([body.code, headers.get('retry-after')]).toEqual(['rate_limit_exceeded', '1'])
  }
  expect((await say(ada, id, 'I may')).status).toBe(201)
  expect((await say(bob, other, 'Here, too')).status).toBe(201)
  await scheduler.wait(1_000)
  expect((await say(bob, id, 'Now')).status).toBe(201)
})

test('a limit tells an outsider nothing of a private channel', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada, { visibility: 'private' })
  const answers = await Promise.all(countTo(15).map(() => say(bob, id, 'Anybody?')))
  expect(new Set(answers.map(refusalOf))).toEqual(new Set(['404 not_found']))
})

test('who does too much that is no message is told when to go on, and others are not held up', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const message = await said(ada, id, 'Hi')
  const react = (who: SignedIn, n: number) =>
    who(n % 2 ? 'PUT' : 'DELETE', `/channels/${id}/messages/${message}/reactions/%F0%9F%91%8D`)
  const answers = await Promise.all(countTo(250).map((n) => react(bob, n)))
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThan(5)
  expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await react(ada, 1)).status).toBe(200)
  expect((await say(bob, id, 'But I may speak')).status).toBe(201)
})

test('in slow mode a member waits between two messages, and who moderates does not', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!, { slow_mode_s: 2 })
  await Promise.all([join(bob!, id), join(eve!, id)])
  await setMember(ada!, id, eve!, { role: 'moderator' })
  expect((await say(bob!, id, 'One')).status).toBe(201)
  const refused = await say(bob!, id, 'Two')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2'])
  for (const who of [ada!, eve!]) {
    for (const _ of countTo(2)) expect((await say(who, id, 'Hi')).status).toBe(201)
  }
  await scheduler.wait(2_100)
  expect((await say(bob!, id, 'Two')).status).toBe(201)
  await ada!('PATCH', `/channels/${id}`, { slow_mode_s: 0 })
  for (const _ of countTo(2)) expect((await say(bob!, id, 'Free')).status).toBe(201)
})

test('slow mode lets one of many messages at once through', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada, { slow_mode_s: 60 })
  await join(bob, id)
  const answers = await Promise.all(countTo(6).map((n) => say(bob, id, `No ${n}`)))
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 429, 429, 429, 429, 429])
})

test('slow mode holds up neither the repetition of a send nor one that was refused, and ends by neither', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada, { slow_mode_s: 60 })
  await join(bob, id)
  expect((await say(bob, id, 'Hi', { thread_id: crypto.randomUUID() })).status).toBe(422)
  const first = await say(bob, id, 'Hi', { nonce: 'n' })
  expect(first.status).toBe(201)
  expect(await say(bob, id, 'Hi', { nonce: 'n' })).toMatchObject({ status: 200, body: { id: first.body.id } })
  expect(refusalOf(await say(bob, id, 'Ho', { nonce: 'n' }))).toBe('409 nonce_conflict')
  expect((await say(bob, id, 'Two')).status).toBe(429)
})
