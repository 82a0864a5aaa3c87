import { expect, test } from 'vitest'
import { newChannel, rolesIn, say } from '../support/channels.ts'
import { signIn } from '../support/client.ts'

test('a channel is made, found, changed and deleted by its owner', async () => {
  const ada = await signIn()
  const made = await ada('POST', '/api/channels', { name: 'general', description: 'General discussion' })
  expect(made).toMatchObject({
    status: 201,
    body: { name: 'general', owner_id: ada.user.id, role: 'owner', last_seq: 1 },
  })
  const path = `/channels/${made.body.id}`
  const { headers } = await ada('GET', path)
  expect((await ada('GET', path, undefined, { headers: { 'if-none-match': headers.get('etag')! } })).status).toBe(304)
  const changed = await ada('PATCH', path, { name: 'lobby' }, { headers: { 'if-match': headers.get('etag')! } })
  expect(changed).toMatchObject({
    status: 200,
    body: { name: 'lobby', description: 'General discussion', last_seq: 2 },
  })
  const stale = await ada('PATCH', path, { name: 'hall' }, { headers: { 'if-match': headers.get('etag')! } })
  expect(stale).toMatchObject({ status: 412, body: { code: 'precondition_failed' } })
  expect((await ada('DELETE', path)).status).toBe(204)
  expect((await ada('GET', path)).status).toBe(404)
  expect((await say(ada, made.body.id, 'Hello?')).status).toBe(404)
})

test('who says something in a public channel joins it, and the message is numbered', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const sent = await bob('POST', '/api/chat/messages', { content: 'Hello, world!', channel_id: id })
  expect(sent).toMatchObject({
    status: 201,
    body: {
      content: 'Hello, world!',
      user_id: bob.user.id,
      channel_id: id,
      seq: 3,
      user: { username: bob.user.username },
    },
  })
  const history = await ada('GET', `/channels/${id}/messages`)
  expect(history.body).toMatchObject([{ id: sent.body.id, seq: 3 }])
  expect(history.headers.get('x-channel-seq')).toBe('3')
  expect(await rolesIn(ada, id)).toEqual({ [ada.user.id]: 'owner', [bob.user.id]: 'member' })
})

test('the same nonce is one message, and stands for nothing else', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const first = await say(ada, id, 'Once', { nonce: 'n1' })
  const again = await say(ada, id, 'Once', { nonce: 'n1' })
  expect(again).toMatchObject({ status: 200, body: { id: first.body.id, seq: first.body.seq } })
  const keyed = await ada(
    'POST',
    `/channels/${id}/messages`,
    { content: 'Once' },
    { headers: { 'idempotency-key': 'n1' } },
  )
  expect(keyed).toMatchObject({ status: 200, body: { id: first.body.id } })
  expect(await say(ada, id, 'Twice', { nonce: 'n1' })).toMatchObject({ status: 409, body: { code: 'nonce_conflict' } })
  const both = await ada(
    'POST',
    `/channels/${id}/messages`,
    { content: 'Once', nonce: 'n1' },
    { headers: { 'idempotency-key': 'n2' } },
  )
  expect(both.status).toBe(422)
  expect((await ada('GET', `/channels/${id}/messages`)).body).toHaveLength(1)
})

test('messages are edited and deleted by those who may', async () => {
  const [ada, bob, eve] = [await signIn(), await signIn(), await signIn()]
  const id = await newChannel(ada)
  const { body: message } = await say(bob, id, 'Helo')
  const path = `/channels/${id}/messages/${message.id}`
  expect((await ada('PATCH', path, { content: 'Mine' })).status).toBe(403)
  expect((await eve('PATCH', path, { content: 'Mine' })).status).toBe(403)
  const edited = await bob('PATCH', path, { content: 'Hello' })
  expect(edited).toMatchObject({ status: 200, body: { content: 'Hello', version: 2 } })
  expect((await ada('GET', `${path}/versions`)).body).toMatchObject([{ version: 1, content: 'Helo' }])
  expect((await eve('GET', `${path}/versions`)).status).toBe(403)
  expect((await eve('DELETE', path)).status).toBe(403)
  expect((await ada('DELETE', path)).status).toBe(204)
  expect((await bob('DELETE', path)).status).toBe(204)
  expect(await bob('PATCH', path, { content: 'Again' })).toMatchObject({ status: 410, body: { code: 'gone' } })
  expect((await ada('GET', path)).body).toMatchObject({ content: null, deleted_at: expect.any(String) })
})
