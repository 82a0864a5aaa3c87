import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { join, newChannel, refusalOf, said, say, setMember, signInMany, textsOf } from '../support/channels.ts'
import { type Answer, client, countOf, countTo, one, type SignedIn, signIn } from '../support/client.ts'

const unreadOf = async (who: SignedIn, id: string) =>
  (await who('GET', '/channels/unread')).body.find(({ channel_id }: { channel_id: string }) => channel_id === id)
const mentionsOf = ({ body }: Answer): string[] => [...body.mentions].sort()

test('a message has the shape of contract 3 and ours after it, and its author alone sees the nonce', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const sent = await say(ada, id, 'Hello, world!', { nonce: '0f3c' })
  const { id: messageId, content, user_id, channel_id, created_at, nonce, ...ours } = sent.body
  expect(sent.status).toBe(201)
  expect({ content, user_id, channel_id, nonce }).toEqual({
    content: 'Hello, world!',
    user_id: ada.user.id,
    channel_id: id,
    nonce: '0f3c',
  })
  expect(created_at).toMatch(/Z$/)
  expect(ours).toEqual({
    user: { id: ada.user.id, username: ada.user.username, display_name: expect.any(String), kind: 'user' },
    seq: 2,
    version: 1,
    thread_id: null,
    reply_count: 0,
    mentions: [],
    attachments: [],
    reactions: [],
    pinned: false,
    edited_at: null,
    deleted_at: null,
  })
  const path = `/channels/${id}/messages/${messageId}`
  expect((await ada('GET', path)).body).toEqual(sent.body)
  const { nonce: _, ...public_ } = sent.body
  expect((await bob('GET', path)).body).toEqual(public_)
})

test('text is composed and counted in characters, and what is none is refused', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  expect((await say(ada, id, 'e\u0301\r\nx')).body.content).toBe('é\nx')
  expect((await say(ada, id, '👋'.repeat(4_000))).status).toBe(201)
  expect((await say(ada, id, 'e\u0301'.repeat(4_000))).status).toBe(201)
  for (const content of ['', ' \n\t ', '👋'.repeat(4_001), 7, null]) {
    expect((await ada('POST', `/channels/${id}/messages`, { content })).status).toBe(422)
  }
  for (const more of [
    { user_id: ada.user.id },
    { seq: 1 },
    { nonce: 'a b' },
    { nonce: 'x'.repeat(65) },
    { thread_id: 'x' },
  ]) {
    expect((await say(ada, id, 'Hi', more)).status).toBe(422)
  }
  const twice = crypto.randomUUID()
  expect((await say(ada, id, 'Hi', { attachments: [twice, twice] })).status).toBe(422)
  expect((await client()('POST', `/channels/${id}/messages`, { content: 'Hi' })).status).toBe(401)
})

test('a reply to a reply belongs to its root, which counts them', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const root = await said(ada, id, 'Root')
  const first = await say(bob, id, 'First', { thread_id: root })
  const second = await say(ada, id, 'Second', { thread_id: first.body.id })
  expect([first.body.thread_id, second.body.thread_id]).toEqual([root, root])
  expect((await ada('GET', `/channels/${id}/messages/${root}`)).body.reply_count).toBe(2)
  expect(textsOf(await bob('GET', `/channels/${id}/messages/${root}/replies`))).toEqual(['First', 'Second'])
  expect(textsOf(await bob('GET', `/channels/${id}/messages/${first.body.id}/replies`))).toEqual([])
  expect(textsOf(await bob('GET', `/channels/${id}/messages`))).toEqual(['Second', 'First', 'Root'])
  const page = await bob('GET', `/channels/${id}/messages/${root}/replies?limit=1`)
  expect(textsOf(await bob('GET', page.headers.get('link')!.slice(1).split('>')[0]!))).toEqual(['Second'])
})

test('twenty replies at once are all counted', async () => {
  const [ada, ...others] = await signInMany(5)
  const id = await newChannel(ada!)
  const root = await said(ada!, id, 'Root')
  await Promise.all(others.map((who) => join(who, id)))
  await Promise.all(countTo(20).map((n) => say(others[n % 4]!, id, `No ${n}`, { thread_id: root })))
  expect((await ada!('GET', `/channels/${id}/messages/${root}`)).body.reply_count).toBe(20)
  expect((await ada!('GET', `/channels/${id}/messages/${root}/replies?limit=100`)).body).toHaveLength(20)
})

test('what is deleted takes no replies, and a thread outlives its root', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const root = await said(ada, id, 'Root')
  const reply = await said(ada, id, 'Reply', { thread_id: root })
  await ada('DELETE', `/channels/${id}/messages/${root}`)
  expect(await say(ada, id, 'Too late', { thread_id: root })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/thread_id' }] },
  })
  expect((await say(ada, id, 'Still', { thread_id: reply })).body.thread_id).toBe(root)
  expect((await ada('GET', `/channels/${id}/messages/${root}/replies`)).body).toHaveLength(2)
})

test('who is named is a member, not in code, and everybody by those who may', async () => {
  const [ada, bob, eve, outsider] = await signInMany(4)
  const id = await newChannel(ada!)
  await Promise.all([join(bob!, id), join(eve!, id)])
  const [b, e] = [bob!, eve!].map(({ user }) => user)
  const named = await say(ada!, id, `Hi @${b!.username.toUpperCase()}, and (@${e!.username})!`)
  expect(mentionsOf(named)).toEqual([b!.id, e!.id].sort())
  const nobody = [
    `\`@${b!.username}\` and \`\`\`\n@${e!.username}\n\`\`\``,
    `mail@${b!.username}`,
    `x/@${b!.username}`,
    `@${outsider!.user.username}`,
    '@nobody-of-this-name',
    'no @ at all',
  ]
  for (const text of nobody) expect([text, mentionsOf(await say(bob!, id, text))]).toEqual([text, []])
  expect(mentionsOf(await say(eve!, id, `@${b!.username}.`))).toEqual([b!.id])
  expect(mentionsOf(await say(eve!, id, 'Listen, @channel!'))).toEqual(['*'])
  expect(await unreadOf(bob!, id)).toMatchObject({ unread_mentions: 3 })
  expect(await unreadOf(eve!, id)).toMatchObject({ unread_mentions: 1 })
})

test('in a channel of more than fifty only those who moderate name everybody', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!)
  await Promise.all([join(bob!, id), join(eve!, id)])
  await setMember(ada!, id, eve!, { role: 'moderator' })
  expect(mentionsOf(await say(bob!, id, '@channel'))).toEqual(['*'])
  const more = await signInMany(48)
  const joined = await Promise.all(more.map((who) => join(who, id)))
  expect(new Set(joined.map(refusalOf))).toEqual(new Set(['200']))
  expect(await countOf('channel_members WHERE channel_id = ?', id)).toBe(51)
  expect(mentionsOf(await say(bob!, id, '@channel'))).toEqual([])
  for (const who of [ada!, eve!]) expect(mentionsOf(await say(who, id, '@channel'))).toEqual(['*'])
})

test('an edit names whom its text names', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!)
  await Promise.all([join(bob!, id), join(eve!, id)])
  const message = await said(ada!, id, `@${bob!.user.username}, @channel`)
  const path = `/channels/${id}/messages/${message}`
  const edited = await ada!('PATCH', path, { content: `@${eve!.user.username}` })
  expect(mentionsOf(edited)).toEqual([eve!.user.id])
  expect(await unreadOf(bob!, id)).toMatchObject({ unread: 1, unread_mentions: 0 })
  expect(await unreadOf(eve!, id)).toMatchObject({ unread: 1, unread_mentions: 1 })
  expect(mentionsOf(await ada!('PATCH', path, { content: 'Nobody' }))).toEqual([])
  expect(mentionsOf(await ada!('PATCH', path, { content: '@channel' }))).toEqual(['*'])
  expect(await countOf('channel_mentions WHERE message_id = ?', message)).toBe(1)
})

test('an edit keeps what was said, knows of others, and takes only text', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const path = `/channels/${id}/messages/${await said(ada, id, 'One')}`
  const { headers } = await ada('GET', path)
  const tag = headers.get('etag')!
  const second = await ada('PATCH', path, { content: 'Two' }, { headers: { 'if-match': tag } })
  expect(second).toMatchObject({ status: 200, body: { content: 'Two', version: 2, edited_at: expect.any(String) } })
  const stale = await ada('PATCH', path, { content: 'Three' }, { headers: { 'if-match': tag } })
  expect(refusalOf(stale)).toBe('412 precondition_failed')
  expect((await ada('PATCH', path, { content: 'Two' })).body.version).toBe(2)
  const third = await ada('PATCH', path, { content: 'Three' }, { headers: { 'if-match': second.headers.get('etag')! } })
  expect(third.body.version).toBe(3)
  expect((await ada('GET', `${path}/versions`)).body).toMatchObject([
    { version: 2, content: 'Two' },
    { version: 1, content: 'One' },
  ])
  for (const body of [{ content: ' ' }, { content: '👋'.repeat(4_001) }, { content: 'x', nonce: 'n' }, {}]) {
    expect((await ada('PATCH', path, body)).status).toBe(422)
  }
})

test('a message is edited 200 times at the most', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const message = await said(ada, id, 'One')
  const edit = (content: string) => ada('PATCH', `/channels/${id}/messages/${message}`, { content })
  await env.DB.prepare('UPDATE channel_messages SET version = 200 WHERE id = ?').bind(message).run()
  expect(await edit('Two')).toMatchObject({ status: 200, body: { version: 201 } })
  expect(refusalOf(await edit('Three'))).toBe('409 limit_reached')
})

test('of edits at once each is a version, and of those of one version one holds', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const path = `/channels/${id}/messages/${await said(ada, id, 'One')}`
  const etag = (await ada('GET', path)).headers.get('etag')!
  const edit = (content: string) => ada('PATCH', path, { content }, { headers: { 'if-match': etag } })
  const answers = await Promise.all(countTo(5).map((n) => edit(`Edit ${n}`)))
  expect(answers.map(refusalOf).sort()).toEqual(['200', ...Array(4).fill('412 precondition_failed')])
  await Promise.all(countTo(5).map((n) => ada('PATCH', path, { content: `Free ${n}` })))
  expect((await ada('GET', path)).body.version).toBe(7)
  expect((await ada('GET', `${path}/versions`)).body.map(({ version }: { version: number }) => version)).toEqual([
    6, 5, 4, 3, 2, 1,
  ])
})

test('a deleted message keeps its place, and nothing of it is left anywhere', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const message = await said(ada, id, `A secret for @${bob.user.username}`)
  const path = `/channels/${id}/messages/${message}`
  await ada('PATCH', path, { content: `Another secret for @${bob.user.username}` })
  await bob('PUT', `${path}/reactions/:ok:`)
  await ada('PUT', `/channels/${id}/pins/${message}`)
  await say(ada, id, 'After')
  expect((await ada('DELETE', path)).status).toBe(204)
  const { body: history } = await bob('GET', `/channels/${id}/messages`)
  expect(history).toMatchObject([
    { content: 'After' },
    {
      id: message,
      content: null,
      mentions: [],
      attachments: [],
      reactions: [],
      pinned: false,
      deleted_at: expect.any(String),
    },
  ])
  expect((await bob('GET', `/channels/${id}/pins`)).body).toEqual([])
  expect((await ada('GET', `${path}/versions`)).body).toEqual([])
  expect((await bob('GET', `/channels/search?q=secret&channel_id=${id}`)).body).toEqual([])
  expect(await unreadOf(bob, id)).toMatchObject({ unread: 1, unread_mentions: 0 })
  for (const table of ['channel_message_versions', 'channel_mentions', 'reactions']) {
    expect([table, await countOf(`${table} WHERE message_id = ?`, message)]).toEqual([table, 0])
  }
  const row = await one('SELECT * FROM channel_messages WHERE id = ?', message)
  expect(JSON.stringify(row)).not.toContain('secret')
  const answers = [
    await ada('PATCH', path, { content: 'Again' }),
    await ada('PUT', `${path}/reactions/:ok:`),
    await ada('PUT', `/channels/${id}/pins/${message}`),
  ]
  expect(answers.map(refusalOf)).toEqual(answers.map(() => '410 gone'))
})
