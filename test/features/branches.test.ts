import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Runner } from '../../src/index.ts'
import {
  type Answer,
  countOf,
  countTo,
  eventsOf,
  one,
  type SignedIn,
  signIn,
  startConversation,
} from '../support/client.ts'
import { booksOf, signInWith } from '../support/plans.ts'
import { reply, script } from '../support/upstream.ts'

const offline = { model: 'parley-offline' }

const say = async (user: SignedIn, conversation: string, content: string, more: object = {}) =>
  (await user('POST', `/conversations/${conversation}/messages`, { content, ...offline, ...more })).body

/** What was said on a branch, its first words: `You said: …` is the offline model's answer. */
const branchOf = async (user: SignedIn, conversation: string, query = '') =>
  (await user('GET', `/conversations/${conversation}/messages${query}`)).body.map(
    ({ content }: { content: string }) => content.split('\n')[0],
  )

const headOf = (conversation: string) =>
  one<{ id: string }>('SELECT head_id AS id FROM conversations WHERE id = ?', conversation)

test('an answer is made anew beside the old one, and the model is sent the question only once', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const { prompt, calls } = await script(reply(2), reply(3))
  const first = (await ada('POST', `/conversations/${conversation}/messages`, { content: prompt })).body
  const second = await ada('POST', `/messages/${first.id}/regenerate`)
  expect(second).toMatchObject({ status: 201, body: { parent_id: first.parent_id, content: 'w1 w2 w3 ' } })
  expect(second.headers.get('location')).toBe(`/api/v1/messages/${second.body.id}`)
  expect((await calls()).map(({ body }) => (body as { messages: object[] }).messages)).toEqual([
    [{ role: 'user', content: prompt }],
    [{ role: 'user', content: prompt }],
  ])
  expect(second.body.context).toMatchObject({ sent: 1, dropped: 0 })
  const siblings = await ada('GET', `/messages/${second.body.id}/siblings`)
  expect(siblings.body.map(({ id }: { id: string }) => id)).toEqual([first.id, second.body.id])
  expect(await branchOf(ada, conversation)).toEqual([prompt, 'w1 w2 w3 '])
  expect(await branchOf(ada, conversation, `?leaf=${first.id}`)).toEqual([prompt, 'w1 w2 '])
  const counted = async (path: string) => {
    const { body } = await ada('GET', path)
    return (body.messages ?? body).map(({ siblings }: { siblings?: number }) => siblings)
  }
  expect(await counted(`/conversations/${conversation}`)).toEqual([1, 2])
  expect(await counted(`/conversations/${conversation}/messages?siblings=true`)).toEqual([1, 2])
  expect(await counted(`/conversations/${conversation}/messages`)).toEqual([undefined, undefined])
})

test('a question is reworded beside the old one, and answered when that is asked for', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  await say(ada, conversation, 'One')
  const answer = await say(ada, conversation, 'Two')
  const edited = await ada('PATCH', `/messages/${answer.parent_id}`, { content: 'Two and a half' })
  expect(edited).toMatchObject({ status: 200, body: { role: 'user', content: 'Two and a half', status: 'completed' } })
  expect(edited.body.id).not.toBe(answer.parent_id)
  expect(await branchOf(ada, conversation)).toHaveLength(3)
  const { status, body } = await ada('POST', `/messages/${edited.body.id}/regenerate`, { ...offline, stream: true })
  expect({ status, body: typeof body }).toEqual({ status: 200, body: 'string' })
  expect((await branchOf(ada, conversation)).slice(2)).toEqual(['Two and a half', expect.stringContaining('half')])
  // The old branch is as it was.
  expect(await branchOf(ada, conversation, `?leaf=${answer.id}`)).toHaveLength(4)
  const first = (await ada('GET', `/conversations/${conversation}/messages?leaf=${answer.id}`)).body[0]
  const reworded = await ada('PATCH', `/messages/${first.id}`, { content: 'Another beginning' })
  expect(reworded.body.parent_id).toBe(null)
  expect(await branchOf(ada, conversation)).toEqual(['Another beginning'])
  expect((await ada('GET', `/messages/${first.id}/siblings`)).body).toHaveLength(2)
})

test('rewording asked for twice under one key is done once', async () => {
  const ada = await signIn()
  const { parent_id } = await say(ada, await startConversation(ada), 'One')
  const headers = { 'idempotency-key': 'again' }
  const [first, second] = [
    await ada('PATCH', `/messages/${parent_id}`, { content: 'Two' }, { headers }),
    await ada('PATCH', `/messages/${parent_id}`, { content: 'Two' }, { headers }),
  ]
  expect(second.body).toEqual(first.body)
  expect(second.headers.get('idempotency-replayed')).toBe('true')
  expect(await countOf("messages WHERE conversation_id = ? AND role = 'user'", first.body.conversation_id)).toBe(2)
  const reused = await ada('PATCH', `/messages/${parent_id}`, { content: 'Three' }, { headers })
  expect(reused.body.code).toBe('idempotency_key_reused')
})

test('a message may follow any message of its conversation, and none of another', async () => {
  const ada = await signIn()
  const [conversation, other] = [await startConversation(ada), await startConversation(ada)]
  const first = await say(ada, conversation, 'One')
  await say(ada, conversation, 'Two')
  const branched = await say(ada, conversation, 'Instead', { parent_id: first.id })
  expect(branched.context).toMatchObject({ sent: 3, dropped: 0 })
  expect(await branchOf(ada, conversation)).toEqual(['One', expect.any(String), 'Instead', expect.any(String)])
  const before = await countOf('messages')
  for (const parent_id of [(await say(ada, other, 'Far')).id, crypto.randomUUID()]) {
    const path = `/conversations/${conversation}/messages`
    expect((await ada('POST', path, { content: 'No', ...offline, parent_id })).status).toBe(404)
    expect((await ada('POST', path, { content: 'No', reply: false, parent_id })).status).toBe(404)
    expect((await ada('GET', `${path}?leaf=${parent_id}`)).status).toBe(404)
  }
  expect(await countOf('messages')).toBe(before + 2)
  expect((await ada('POST', `/conversations/${other}/messages`, { content: 'x', parent_id: 'no id' })).status).toBe(422)
})

test('what is only to be stored asks no model and costs nothing', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const headers = { 'idempotency-key': 'note' }
  const first = await ada('POST', path, { content: 'A note', reply: false }, { headers })
  expect(first).toMatchObject({ status: 201, body: { role: 'user', content: 'A note', parent_id: null, run_id: null } })
  const again = await ada('POST', path, { content: 'A note', reply: false }, { headers })
  expect(again.body).toEqual(first.body)
  const second = await ada('POST', path, { content: 'Another', reply: false })
  expect(second.body.parent_id).toBe(first.body.id)
  expect(await booksOf(ada)).toMatchObject({ used: null, reservations: 0 })
  expect((await ada('GET', `/conversations/${conversation}`)).body.title).toBe('A note')
  const answer = await say(ada, conversation, 'And now?')
  expect(answer.context).toMatchObject({ sent: 3, dropped: 0 })
})

test('a deleted message takes along what was said after it, and the newest other branch becomes the active one', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const one = await say(ada, conversation, 'One')
  const two = await say(ada, conversation, 'Two')
  const three = await say(ada, conversation, 'Three', { parent_id: one.id })
  const deep = await say(ada, conversation, 'Four')
  expect((await ada('DELETE', `/messages/${three.parent_id}`)).status).toBe(204)
  for (const id of [three.parent_id, three.id, deep.id]) expect((await ada('GET', `/messages/${id}`)).status).toBe(404)
  expect(await headOf(conversation)).toEqual({ id: two.id })
  expect((await ada('GET', `/runs/${deep.run_id}`)).status).toBe(404)
  // One that is not on the active branch moves nothing.
  const aside = (await ada('PATCH', `/messages/${two.parent_id}`, { content: 'Two again' })).body
  await say(ada, conversation, 'Back', { parent_id: two.id })
  const head = await headOf(conversation)
  expect((await ada('DELETE', `/messages/${aside.id}`)).status).toBe(204)
  expect(await headOf(conversation)).toEqual(head)
  expect((await ada('DELETE', `/messages/${one.parent_id}`)).status).toBe(204)
  expect(await headOf(conversation)).toEqual({ id: null })
  expect(await branchOf(ada, conversation)).toEqual([])
  expect((await ada('DELETE', `/messages/${one.id}`)).status).toBe(404)
  // What was paid for is still in the books.
  expect((await booksOf(ada)).used).toMatchObject({ messages: 5 })
})

test('a reply is rated, with a comment, and the rating is taken back', async () => {
  const ada = await signIn()
  const answer = await say(ada, await startConversation(ada), 'One')
  expect(answer.feedback).toBe(null)
  const path = `/messages/${answer.id}`
  const rated = await ada('PATCH', path, { feedback: { rating: 'down', comment: 'Too short' } })
  expect(rated).toMatchObject({
    status: 200,
    body: { id: answer.id, feedback: { rating: 'down', comment: 'Too short' } },
  })
  expect((await ada('PATCH', path, { feedback: { rating: 'up' } })).body.feedback).toEqual({
    rating: 'up',
    comment: null,
  })
  expect((await ada('PATCH', path, { feedback: null })).body).toEqual(answer)
  const bad: [string, object, string][] = [
    [path, { content: 'My words in its mouth' }, '/content'],
    [`/messages/${answer.parent_id}`, { feedback: { rating: 'up' } }, '/feedback'],
  ]
  for (const [target, body, pointer] of bad) {
    expect(await ada('PATCH', target, body)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } })
  }
  for (const body of [{}, { content: 'a', feedback: null }, { feedback: { rating: 'meh' } }, { role: 'assistant' }]) {
    expect((await ada('PATCH', path, body)).status).toBe(422)
  }
})

test('a reply that is being written is not edited, rated, deleted or answered', async () => {
  const ada = await signInWith()
  const conversation = await startConversation(ada)
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const path = `/conversations/${conversation}/messages`
  const running = await ada('POST', path, { content: prompt }, { headers: { prefer: 'respond-async' } })
  const { message_id, user_message_id, id } = running.body
  const refusals: [Answer, number, string][] = [
    [await ada('PATCH', `/messages/${message_id}`, { feedback: { rating: 'up' } }), 409, 'run_active'],
    [await ada('DELETE', `/messages/${message_id}`), 409, 'run_active'],
    [await ada('DELETE', `/messages/${user_message_id}`), 409, 'run_active'],
    [await ada('POST', `/messages/${message_id}/regenerate`), 409, 'conversation_busy'],
    [await ada('POST', path, { content: 'x', parent_id: message_id }), 409, 'conversation_busy'],
    [await ada('POST', path, { content: 'x', reply: false }), 409, 'conversation_busy'],
  ]
  for (const [{ status, body }, expected, code] of refusals) {
    expect({ status, code: body.code }).toEqual({ status: expected, code })
  }
  await ada('POST', `/runs/${id}/cancel`)
  expect((await ada('DELETE', `/messages/${message_id}`)).status).toBe(204)
})

test("another user's messages look missing on every path, and stay as they are", async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const answer = await say(ada, await startConversation(ada), 'Mine')
  const look = () => one('SELECT count(*) AS n, sum(updated_at) AS at, count(feedback) AS rated FROM messages')
  const before = await look()
  const attempts: [string, string, object?][] = [
    ['GET', `/messages/${answer.id}/siblings`],
    ['PATCH', `/messages/${answer.id}`, { feedback: { rating: 'up' } }],
    ['PATCH', `/messages/${answer.parent_id}`, { content: 'His' }],
    ['DELETE', `/messages/${answer.parent_id}`],
    ['POST', `/messages/${answer.id}/regenerate`, offline],
  ]
  for (const [method, path, body] of attempts) {
    expect(await bob(method, path, body)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  }
  expect(await look()).toEqual(before)
})

test('pages of messages have no hole and no repeat while others write', async () => {
  const ada = await signInWith()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  for (const n of countTo(20)) await ada('POST', path, { content: `No ${n}`, reply: false })
  const seen: string[] = []
  let writes = 0
  for (let next: string | null = `${path}?limit=3`; next; ) {
    const { body, headers }: Answer = await ada('GET', next)
    seen.unshift(...body.map(({ content }: { content: string }) => content))
    next = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? null
    const [told] = body
    await ada('POST', path, { content: `Late ${++writes}`, reply: false })
    await ada('PATCH', `/messages/${told.id}`, { content: `Reworded ${writes}` })
  }
  expect(seen).toEqual(countTo(20).map((n) => `No ${n}`))
  expect(writes).toBe(7)
})

test('a page whose place was deleted says so, and is not taken for the end', async () => {
  const ada = await signIn()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const stored = []
  for (const n of countTo(4)) stored.push((await ada('POST', path, { content: `No ${n}`, reply: false })).body)
  const { headers } = await ada('GET', `${path}?limit=2`)
  await ada('DELETE', `/messages/${stored[1].id}`)
  const gone = await ada('GET', `${path}?limit=2&cursor=${headers.get('x-next-cursor')}`)
  expect(gone).toMatchObject({ status: 422, body: { errors: [{ pointer: 'query:cursor' }] } })
})

test('siblings are listed page by page', async () => {
  const ada = await signIn()
  const { parent_id } = await say(ada, await startConversation(ada), 'One')
  for (const n of countTo(4)) await ada('PATCH', `/messages/${parent_id}`, { content: `Wording ${n}` })
  const seen: string[] = []
  for (let next: string | null = `/messages/${parent_id}/siblings?limit=2`; next; ) {
    const { body, headers }: Answer = await ada('GET', next)
    seen.push(...body.map(({ content }: { content: string }) => content))
    next = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? null
  }
  expect(seen).toEqual(['One', 'Wording 1', 'Wording 2', 'Wording 3', 'Wording 4'])
  const page = await ada('GET', `/messages/${parent_id}/siblings?limit=2`)
  const next = `/messages/${parent_id}/siblings?limit=2&cursor=${page.headers.get('x-next-cursor')}`
  expect((await (await signIn())('GET', next)).status).toBe(404)
  await ada('DELETE', `/messages/${parent_id}`)
  // Not an empty page, which would be taken for the end.
  expect((await ada('GET', next)).status).toBe(404)
})

test('a conversation that waits in line is answered in order', async () => {
  const ada = await signInWith()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const { prompt } = await script(reply(5, 40))
  const first = ada('POST', path, { content: prompt })
  await expect.poll(() => countOf("runs WHERE conversation_id = ? AND status = 'in_progress'", conversation)).toBe(1)
  const waiting = []
  for (const n of countTo(3)) {
    waiting.push(ada('POST', path, { content: `No ${n}`, ...offline, on_conflict: 'queue' }))
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
  expect((await first).status).toBe(201)
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(201)
  const said = (await branchOf(ada, conversation)).filter((text: string) => /^No \d$/.test(text))
  expect(said).toEqual(['No 1', 'No 2', 'No 3'])
  expect(await booksOf(ada)).toMatchObject({ used: { messages: 4 }, reservations: 0 })
})

test('a full line turns the next one away', async () => {
  const ada = await signInWith()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const { prompt } = await script([{ tokens: 1 }, { hang: true }])
  const running = await ada('POST', path, { content: prompt }, { headers: { prefer: 'respond-async' } })
  const waiting = countTo(9).map(() => ada('POST', path, { content: 'Me too', ...offline, on_conflict: 'queue' }))
  const refused = await Promise.race(waiting)
  expect(refused).toMatchObject({ status: 409, body: { code: 'conversation_busy', run_id: running.body.id } })
  await ada('POST', `/runs/${running.body.id}/cancel`)
  const statuses = (await Promise.all(waiting)).map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(8)
})

test('who interrupts ends the reply that is being written, which keeps its text', async () => {
  const ada = await signInWith()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const { prompt } = await script([{ tokens: 3 }, { hang: true }])
  const response = await ada.open('POST', path, { content: prompt, stream: true })
  const [seen, all] = response.body!.tee()
  const reading = eventsOf(new Response(all))
  await eventsOf(new Response(seen), 5)
  const answer = await ada('POST', path, { content: 'No, this', ...offline, on_conflict: 'interrupt' })
  expect(answer.status).toBe(201)
  const ended = (await reading).at(-1)!
  expect(ended).toMatchObject({ event: 'run.cancelled', data: { cancel_reason: 'superseded' } })
  const [, old] = (await ada('GET', path)).body
  expect(old).toMatchObject({ status: 'cancelled', content: expect.stringMatching(/^w1 w2 /) })
  expect((await ada('GET', path)).body).toHaveLength(4)
  expect(await booksOf(ada)).toMatchObject({ used: { messages: 2 }, reservations: 0 })
})

test('whoever comes at once to a conversation that nobody uses is answered, one after the other', async () => {
  const ada = await signInWith()
  for (const round of countTo(3)) {
    const conversation = await startConversation(ada)
    const path = `/conversations/${conversation}/messages`
    const sends = countTo(5).map((n) => ada('POST', path, { content: `No ${n}`, ...offline, on_conflict: 'queue' }))
    expect([round, (await Promise.all(sends)).map(({ status }) => status)]).toEqual([round, [201, 201, 201, 201, 201]])
    expect(await branchOf(ada, conversation)).toHaveLength(10)
  }
})

test('who pushes in before one that waits is answered, and so is the one that waits', async () => {
  const ada = await signInWith()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const { prompt } = await script([{ tokens: 1 }, { hang: true }])
  const running = await ada('POST', path, { content: prompt }, { headers: { prefer: 'respond-async' } })
  const waiting = countTo(3).map((n) => ada('POST', path, { content: `No ${n}`, ...offline, on_conflict: 'queue' }))
  await new Promise((resolve) => setTimeout(resolve, 150))
  await ada('POST', `/runs/${running.body.id}/cancel`)
  const pushing = countTo(5).map(() => ada('POST', path, { content: 'Me first', ...offline }))
  for (const { status, body } of await Promise.all(pushing))
    if (status !== 201) expect(body.code).toBe('conversation_busy')
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([201, 201, 201])
})

test('a turn that nothing comes of is the next one\u2019s at once', async () => {
  const ada = await signInWith()
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const first = await say(ada, conversation, 'One')
  const { prompt } = await script([{ tokens: 1 }, { hang: true }])
  const running = await ada('POST', path, { content: prompt }, { headers: { prefer: 'respond-async' } })
  const body = { content: 'After what is gone', ...offline, parent_id: first.id, on_conflict: 'queue' }
  const doomed = countTo(3).map(() => ada('POST', path, body))
  await new Promise((resolve) => setTimeout(resolve, 100))
  const last = ada('POST', path, { content: 'Last', ...offline, on_conflict: 'queue' })
  await new Promise((resolve) => setTimeout(resolve, 100))
  await env.DB.prepare('UPDATE messages SET conversation_id = ? WHERE id = ?')
    .bind(await startConversation(ada), first.id)
    .run()
  const began = Date.now()
  await ada('POST', `/runs/${running.body.id}/cancel`)
  expect((await Promise.all(doomed)).map(({ status }) => status)).toEqual([404, 404, 404])
  expect((await last).status).toBe(201)
  // Each turn is held for two seconds unless it is given back.
  expect(Date.now() - began).toBeLessThan(4_000)
})

test('a busy conversation is no matter of the quota: who waits or interrupts is let in when the other run has ended', async () => {
  const ada = await signInWith({ runsAtOnce: 1 })
  const conversation = await startConversation(ada)
  const path = `/conversations/${conversation}/messages`
  const { prompt } = await script([{ tokens: 2 }, { hang: true }])
  const running = await ada('POST', path, { content: prompt }, { headers: { prefer: 'respond-async' } })
  const again = `/messages/${running.body.user_message_id}/regenerate`
  const refused = await ada('POST', again, offline)
  expect(refused).toMatchObject({ status: 409, body: { code: 'conversation_busy', run_id: running.body.id } })
  const waiting = ada('POST', again, { ...offline, on_conflict: 'queue' })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect((await ada('POST', again, { ...offline, on_conflict: 'interrupt' })).status).toBe(201)
  expect((await waiting).status).toBe(201)
  expect((await ada('GET', `/runs/${running.body.id}`)).body.cancel_reason).toBe('superseded')
})

test('a reply whose server died does not keep others from storing, rating or deleting', async () => {
  const ada = await signInWith()
  const die = async (conversation: string) => {
    const { prompt } = await script([{ tokens: 2 }, { hang: true }])
    const path = `/conversations/${conversation}/messages`
    const { body } = await ada('POST', path, { content: prompt }, { headers: { prefer: 'respond-async' } })
    const runner = env.RUNNER.getByName(`c:${conversation}`)
    await runInDurableObject(runner, (_: Runner, state) => state.abort('killed by a test')).catch(() => {})
    return body
  }
  const conversation = await startConversation(ada)
  await die(conversation)
  const path = `/conversations/${conversation}/messages`
  expect((await ada('POST', path, { content: 'A note', reply: false })).status).toBe(201)
  const rated = await die(conversation)
  expect((await ada('PATCH', `/messages/${rated.message_id}`, { feedback: { rating: 'down' } })).status).toBe(200)
  const deleted = await die(conversation)
  expect((await ada('DELETE', `/messages/${deleted.user_message_id}`)).status).toBe(204)
  expect(await booksOf(ada)).toMatchObject({ reservations: 0 })
})

test('what has no meaning without a reply is refused where none is asked for', async () => {
  const ada = await signIn()
  const path = `/conversations/${await startConversation(ada)}/messages`
  const idle = { ...offline, on_conflict: 'queue', internet_enabled: true, stream: true, max_output_tokens: 16 }
  for (const [name, value] of Object.entries(idle)) {
    const { status, body } = await ada('POST', path, { content: 'x', reply: false, [name]: value })
    expect([name, status, body.errors?.[0].pointer]).toEqual([name, 422, `/${name}`])
  }
  expect((await ada('POST', path, { content: 'x', reply: false, files: [crypto.randomUUID()] })).body.code).toBe(
    'file_not_found',
  )
})
