import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { ban, join, newChannel, refusalOf, said, say, signInMany } from '../support/channels.ts'
import { type Answer, countTo, one, type SignedIn, signIn } from '../support/client.ts'

const search = (who: SignedIn, q: string, more = '') => who('GET', `/channels/search?q=${encodeURIComponent(q)}${more}`)
const idsOf = ({ body }: Answer): string[] => body.map(({ id }: { id: string }) => id)

test('one’s own channels are searched, and one public one, but nobody else’s', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [open, secret, other] = [
    await newChannel(ada),
    await newChannel(ada, { visibility: 'private' }),
    await newChannel(bob),
  ]
  const inOpen = await said(ada, open, 'The deploy of Friday')
  const inSecret = await said(ada, secret, 'Another deploy')
  const inOther = await said(bob, other, 'His deploy')
  expect(idsOf(await search(ada, 'deploy'))).toEqual([inSecret, inOpen])
  expect(idsOf(await search(bob, 'deploy'))).toEqual([inOther])
  expect(idsOf(await search(ada, 'deploy', `&channel_id=${other}`))).toEqual([inOther])
  for (const q of ['deploy', '!!!']) {
    expect(refusalOf(await search(bob, q, `&channel_id=${secret}`))).toBe('404 not_found')
  }
  await ban(ada, open, bob)
  for (const q of ['deploy', '!!!']) expect(refusalOf(await search(bob, q, `&channel_id=${open}`))).toBe('403 banned')
  await ada('DELETE', `/channels/${secret}`)
  expect(idsOf(await search(ada, 'deploy'))).toEqual([inOpen])
  await ada('PATCH', `/channels/${open}`, { visibility: 'private' })
  expect(idsOf(await search(ada, 'deploy'))).toEqual([inOpen])
})

test('who leaves, is kicked or banned finds nothing of the channel any more', async () => {
  const [ada, ...others] = await signInMany(4)
  const id = await newChannel(ada!)
  const message = await said(ada!, id, 'A needle')
  for (const who of others) await join(who, id)
  for (const who of others) expect(idsOf(await search(who, 'needle'))).toEqual([message])
  await others[0]!('POST', `/channels/${id}/leave`)
  await ada!('DELETE', `/channels/${id}/members/${others[1]!.user.id}`)
  await ban(ada!, id, others[2]!)
  for (const who of others) expect(idsOf(await search(who, 'needle'))).toEqual([])
})

test('an edit is found by its new words only, and what is deleted by none', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const message = await said(ada, id, 'alpha')
  await ada('PATCH', `/channels/${id}/messages/${message}`, { content: 'beta' })
  expect(idsOf(await search(ada, 'alpha'))).toEqual([])
  expect((await search(ada, 'beta')).body).toMatchObject([
    { id: message, content: 'beta', version: 2, snippet: { text: 'beta' } },
  ])
  await ada('DELETE', `/channels/${id}/messages/${message}`)
  expect(idsOf(await search(ada, 'beta'))).toEqual([])
})

test('a find has the message as it is shown, and where the words stand', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const message = await said(ada, id, 'Weiß jemand, wo das Café in Zürich ist?')
  await join(bob, id)
  await bob('PUT', `/channels/${id}/messages/${message}/reactions/:ok:`)
  const { body } = await search(bob, 'cafe ZURICH')
  const { snippet, ...shown } = body[0]
  expect(shown).toEqual((await bob('GET', `/channels/${id}/messages/${message}`)).body)
  expect(snippet.highlights.map(([from, to]: [number, number]) => snippet.text.slice(from, to))).toEqual([
    'Café',
    'Zürich',
  ])
})

test('Chinese, Japanese and Korean are found by parts of what has no spaces', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const [chinese, korean] = [await said(ada, id, '我们明天去东京看电影'), await said(ada, id, '내일 서울에서 만나요')]
  expect(idsOf(await search(ada, '东京'))).toEqual([chinese])
  expect(idsOf(await search(ada, '看电影'))).toEqual([chinese])
  expect(idsOf(await search(ada, '京东'))).toEqual([])
  expect(idsOf(await search(ada, '서울'))).toEqual([korean])
})

test('nothing in a query is an operator, and one without a word finds nothing', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const message = await said(ada, id, 'foo-bar OR channel:x "quoted" NEAR(end)')
  for (const q of ['foo-bar', '"quoted"', 'NEAR(end)', 'channel:x', 'OR', 'foo OR', '"foo']) {
    expect([q, idsOf(await search(ada, q))]).toEqual([q, [message]])
  }
  for (const q of ['*', '!!!', 'foo*', 'text:foo', '" OR 1']) {
    if (q === 'foo*') expect(idsOf(await search(ada, q))).toEqual([message])
    else expect([q, idsOf(await search(ada, q))]).toEqual([q, []])
  }
  for (const query of ['', '?q=', `?q=${'x'.repeat(201)}`, '?q=x&channel_id=nope', '?q=x&from=nope']) {
    expect((await ada('GET', `/channels/search${query}`)).status).toBe(422)
  }
})

test('finds are shown newest first, page by page, while others come in', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const ids: string[] = []
  for (const n of countTo(7)) ids.unshift(await said(ada, id, `needle ${n}`))
  const first = await search(ada, 'needle', '&limit=3')
  const cursor = first.headers.get('x-next-cursor')
  await say(ada, id, 'needle of later')
  await ada('DELETE', `/channels/${id}/messages/${ids[4]}`)
  const second = await search(ada, 'needle', `&limit=3&cursor=${cursor}`)
  expect([...idsOf(first), ...idsOf(second)]).toEqual([0, 1, 2, 3, 5, 6].map((at) => ids[at]))
  expect(second.headers.get('link')).toBe(null)
  expect((await search(ada, 'other', `&cursor=${cursor}`)).status).toBe(422)
  expect((await search(ada, 'needle', `&channel_id=${id}&cursor=${cursor}`)).status).toBe(422)
})

test('by its author a message is found among thousands of others', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const message = await said(bob, id, 'needle of Bob’s')
  const { last_seq } = (await one<{ last_seq: number }>('SELECT last_seq FROM channels WHERE id = ?', id))!
  await env.DB.prepare(
    `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, created_at)
     SELECT value, ?1, ?2 + key + 1, ?3, value, '', 'needle ' || key, 1 FROM json_each(?4)`,
  )
    .bind(id, last_seq, ada.user.id, JSON.stringify(countTo(2_500).map(() => crypto.randomUUID())))
    .run()
  const found: string[] = []
  let cursor: string | null = ''
  for (let pages = 0; cursor !== null && pages < 10; pages++) {
    const page: Answer = await search(ada, 'needle', `&from=${bob.user.id}${cursor && `&cursor=${cursor}`}`)
    found.push(...idsOf(page))
    cursor = page.headers.get('x-next-cursor')
  }
  expect([found, cursor]).toEqual([[message], null])
  expect(idsOf(await search(ada, 'needle', `&from=${crypto.randomUUID()}&channel_id=${id}`))).toEqual([])
})

test('who is in 500 channels searches them all', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const ids = countTo(499).map(() => crypto.randomUUID())
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO channels (id, kind, visibility, name, owner_id, last_seq, created_at)
       SELECT value, 'channel', 'private', 'x', ?1, 1, 1 FROM json_each(?2)`,
    ).bind(bob.user.id, JSON.stringify(ids)),
    env.DB.prepare(
      "INSERT INTO channel_members (channel_id, member_id, role, joined_at) SELECT value, ?1, 'owner', 1 FROM json_each(?2)",
    ).bind(bob.user.id, JSON.stringify(ids)),
    env.DB.prepare(
      `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, created_at)
       SELECT lower(hex(randomblob(4))) || '-0000-4000-8000-' || lower(hex(randomblob(6))), value, 2, ?1, 'n', '', 'needle', 1 FROM json_each(?2)`,
    ).bind(bob.user.id, JSON.stringify(ids)),
  ])
  const id = await newChannel(ada)
  await join(bob, id)
  await said(ada, id, 'needle')
  const { body } = await search(bob, 'needle', '&limit=100')
  expect(body).toHaveLength(100)
  expect(body[0].channel_id).toBe(id)
})
