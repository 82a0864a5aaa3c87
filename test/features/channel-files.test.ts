import { env, exports } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { add, ban, join, newChannel, refusalOf, said, say, signInMany, unban } from '../support/channels.ts'
import { countOf, countTo, one, PNG, runChores, type SignedIn, signIn, startConversation } from '../support/client.ts'

const upload = async (user: SignedIn, content: BodyInit, name = 'notes.txt') =>
  (await user('PUT', `/upload?filename=${encodeURIComponent(name)}`, undefined, { raw: content })).body.id as string
const stateOf = async (id: string) =>
  (await one<{ state: string }>('SELECT state FROM files WHERE id = ?', id))?.state ?? 'gone'
const statusesOf = async (who: SignedIn, file: string) => [
  (await who('GET', `/files/${file}`)).status,
  (await who('GET', `/files/${file}/content`)).status,
  (
    await exports.default.fetch(`https://parley.test/api/v1/files/${file}/content`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${who.tokens.access_token}` },
    })
  ).status,
]
const SEEN = [200, 200, 200]
const UNSEEN = [404, 404, 404]

test('a message names its files, may have no text, and who sees the channel reads them', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!, { visibility: 'private' })
  await add(ada!, id, bob!)
  const [text, picture] = [await upload(ada!, 'Hello, Bob', 'plan.txt'), await upload(ada!, PNG, 'tiny.png')]
  expect(await statusesOf(bob!, text)).toEqual(UNSEEN)
  const sent = await say(ada!, id, '', { attachments: [picture, text] })
  expect(sent.body).toMatchObject({
    content: '',
    attachments: [
      { id: picture, filename: 'tiny.png', file_path: `/api/v1/files/${picture}/content`, mime_type: 'image/png' },
      { id: text, filename: 'plan.txt', file_size: 10, mime_type: 'text/plain' },
    ],
  })
  expect((await bob!('GET', `/channels/${id}/messages`)).body[0].attachments).toEqual(sent.body.attachments)
  expect(await statusesOf(bob!, text)).toEqual(SEEN)
  const part = await bob!.open('GET', `/files/${text}/content`, undefined, { headers: { range: 'bytes=7-' } })
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 7-9/10', 'Bob'])
  const etag = part.headers.get('etag')!
  expect((await bob!('GET', `/files/${text}/content`, undefined, { headers: { 'if-none-match': etag } })).status).toBe(
    304,
  )
  expect(await statusesOf(eve!, text)).toEqual(UNSEEN)
  expect((await eve!('GET', `/files/${text}/content`, undefined, { headers: { 'if-none-match': etag } })).status).toBe(
    404,
  )
  // They are not Bob's.
  expect((await bob!('GET', '/files')).body).toEqual([])
  expect(refusalOf(await bob!('DELETE', `/files/${text}`))).toBe('404 not_found')
  expect(refusalOf(await say(bob!, id, 'Mine', { attachments: [text] }))).toBe('404 file_not_found')
  const conversation = await startConversation(bob!)
  const chat = await bob!('POST', `/conversations/${conversation}/messages`, {
    content: 'Hi',
    files: [text],
    reply: false,
  })
  expect(refusalOf(chat)).toBe('404 file_not_found')
})

test('who is banned or taken out loses the files of a channel at once', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!, { visibility: 'private' })
  const file = await upload(ada!, 'Secret')
  await said(ada!, id, 'See this', { attachments: [file] })
  for (const who of [bob!, eve!]) {
    await add(ada!, id, who)
    expect(await statusesOf(who, file)).toEqual(SEEN)
  }
  await ban(ada!, id, bob!)
  await ada!('DELETE', `/channels/${id}/members/${eve!.user.id}`)
  for (const who of [bob!, eve!]) expect(await statusesOf(who, file)).toEqual(UNSEEN)
  await ada!('PATCH', `/channels/${id}`, { visibility: 'public' })
  expect(await statusesOf(eve!, file)).toEqual(SEEN)
  expect(await statusesOf(bob!, file)).toEqual(UNSEEN)
  await unban(ada!, id, bob!)
  expect(await statusesOf(bob!, file)).toEqual(SEEN)
  await ada!('DELETE', `/channels/${id}`)
  for (const who of [bob!, eve!]) expect(await statusesOf(who, file)).toEqual(UNSEEN)
  // What nobody can delete message by message any more keeps no file.
  expect(await statusesOf(ada!, file)).toEqual(SEEN)
  expect((await ada!('DELETE', `/files/${file}`)).status).toBe(204)
  await runChores()
  expect([await stateOf(file), await countOf('channel_attachments WHERE file_id = ?', file)]).toEqual(['gone', 0])
})

test('a file is seen as long as one channel that shows it is', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [open, secret] = [await newChannel(ada), await newChannel(ada, { visibility: 'private' })]
  const file = await upload(ada, 'Both')
  for (const id of [open, secret]) await said(ada, id, 'See', { attachments: [file] })
  await add(ada, secret, bob)
  await ban(ada, open, bob)
  expect(await statusesOf(bob, file)).toEqual(SEEN)
  await bob('POST', `/channels/${secret}/leave`)
  expect(await statusesOf(bob, file)).toEqual(UNSEEN)
})

test('a file in use cannot be deleted, and goes with the last message that has it', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const file = await upload(ada, 'kept')
  const key = (await one<{ key: string }>('SELECT object_key AS key FROM files WHERE id = ?', file))!.key
  const [first, second] = [
    await said(ada, id, 'One', { attachments: [file] }),
    await said(ada, id, 'Two', { attachments: [file] }),
  ]
  const edited = await ada('PATCH', `/channels/${id}/messages/${first}`, { content: 'One, better' })
  expect(edited.body.attachments).toMatchObject([{ id: file }])
  expect(refusalOf(await ada('DELETE', `/files/${file}`))).toBe('409 file_in_use')
  await ada('DELETE', `/channels/${id}/messages/${first}`)
  expect((await ada('GET', `/channels/${id}/messages/${first}`)).body.attachments).toEqual([])
  expect(await stateOf(file)).toBe('ready')
  await ada('DELETE', `/channels/${id}/messages/${second}`)
  expect(await statusesOf(ada, file)).toEqual(UNSEEN)
  expect((await ada('GET', '/user/usage')).body.storage.used).toBe(0)
  await runChores()
  expect(await stateOf(file)).toBe('gone')
  expect(await env.FILES.head(key)).toBe(null)
})

test('a file that a conversation has too stays when the channel’s message goes, and the other way round', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const files = [await upload(ada, 'one'), await upload(ada, 'two')]
  const inChannel = await Promise.all(files.map((file) => said(ada, id, 'See', { attachments: [file] })))
  const conversation = await startConversation(ada)
  const inChat = await ada('POST', `/conversations/${conversation}/messages`, { content: 'See', files, reply: false })
  await ada('DELETE', `/channels/${id}/messages/${inChannel[0]}`)
  expect(await stateOf(files[0]!)).toBe('ready')
  await ada('DELETE', `/messages/${inChat.body.id}`)
  expect(await Promise.all(files.map(stateOf))).toEqual(['deleted', 'ready'])
})

test('of a file that is deleted while it is sent either the message has it, or it is gone', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  for (const _ of countTo(8)) {
    const file = await upload(ada, 'race')
    const [sent, deleted] = await Promise.all([
      say(ada, id, 'See', { attachments: [file] }),
      ada('DELETE', `/files/${file}`),
    ])
    expect([
      [201, 409],
      [404, 204],
    ]).toContainEqual([sent.status, deleted.status])
    expect(await countOf('channel_attachments WHERE file_id = ?', file)).toBe(sent.status === 201 ? 1 : 0)
  }
})

test('what cannot be attached is not, and nothing is said', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const [own, foreign, deleted] = [await upload(ada, 'a'), await upload(bob, 'b'), await upload(ada, 'c')]
  await ada('DELETE', `/files/${deleted}`)
  for (const file of [foreign, deleted, crypto.randomUUID()]) {
    expect(refusalOf(await say(ada, id, 'Hi', { attachments: [own, file] }))).toBe('404 file_not_found')
  }
  expect((await say(ada, id, 'Hi', { attachments: [own, own] })).status).toBe(422)
  expect((await say(ada, id, 'Hi', { attachments: ['x'] })).status).toBe(422)
  expect((await say(ada, id, 'Hi', { attachments: countTo(11).map(() => crypto.randomUUID()) })).status).toBe(422)
  expect((await ada('GET', `/channels/${id}/messages`)).body).toEqual([])
  const nonce = { nonce: 'n', attachments: [own] }
  expect((await say(ada, id, '', nonce)).status).toBe(201)
  expect((await say(ada, id, '', nonce)).status).toBe(200)
  expect(refusalOf(await say(ada, id, 'x', { nonce: 'n' }))).toBe('409 nonce_conflict')
  await join(bob, id)
  expect((await bob('GET', `/channels/${id}/messages`)).body).toHaveLength(1)
})
