import { expect, test } from 'vitest'
import { join, newChannel, refusalOf, said, say, seqsOf, signInMany, textsOf } from '../support/channels.ts'
import { type Answer, countTo, type SignedIn, signIn } from '../support/client.ts'

/** A channel with `n` messages, numbered 2 to n + 1. */
async function channelOf(n: number): Promise<{ ada: SignedIn; id: string; page: (query?: string) => Promise<Answer> }> {
  const [ada, ...others] = await signInMany(Math.ceil(n / 8))
  const id = await newChannel(ada!)
  const speakers = [ada!, ...others]
  for (const who of others) await join(who, id)
  const from = speakers.length
  for (const [at] of Array(n).entries()) await said(speakers[Math.floor(at / 8)]!, id, `No ${from + at + 1}`)
  return { ada: ada!, id, page: (query = '') => ada!('GET', `/channels/${id}/messages${query}`) }
}

const linkOf = ({ headers }: Answer) => /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1]

test('history is shown newest first, and before, after and around a number', async () => {
  const { page } = await channelOf(8)
  expect(seqsOf(await page())).toEqual([9, 8, 7, 6, 5, 4, 3, 2])
  expect(seqsOf(await page('?limit=3'))).toEqual([9, 8, 7])
  expect(seqsOf(await page('?limit=3&before_seq=6'))).toEqual([5, 4, 3])
  expect(seqsOf(await page('?limit=3&after_seq=6'))).toEqual([7, 8, 9])
  expect(seqsOf(await page('?limit=3&after_seq=0'))).toEqual([2, 3, 4])
  expect(seqsOf(await page('?limit=4&around_seq=5'))).toEqual([7, 6, 5, 4])
  expect(seqsOf(await page('?limit=1&around_seq=5'))).toEqual([5])
  expect(seqsOf(await page('?limit=4&around_seq=99'))).toEqual([9, 8])
  expect(seqsOf(await page('?before_seq=2'))).toEqual([])
  expect(seqsOf(await page('?after_seq=9'))).toEqual([])
})

test('a link leads on, in the direction that was asked for, to the end', async () => {
  const { ada, page } = await channelOf(7)
  for (const [query, order] of [
    ['?limit=3', [8, 7, 6, 5, 4, 3, 2]],
    ['?limit=3&after_seq=1', [2, 3, 4, 5, 6, 7, 8]],
    ['?limit=3&around_seq=7', [8, 7, 6, 5, 4, 3, 2]],
  ] as const) {
    const seqs: number[] = []
    for (let answer = await page(query); ; ) {
      seqs.push(...seqsOf(answer))
      const next = linkOf(answer)
      if (!next) break
      answer = await ada('GET', next)
    }
    expect([query, seqs]).toEqual([query, order])
  }
})

test('a page says how far the channel had come, so that who goes on from there misses nothing', async () => {
  const { ada, id, page } = await channelOf(3)
  const before = await page('?limit=1')
  expect([before.headers.get('x-channel-epoch'), before.headers.get('x-channel-seq')]).toEqual(['1', '4'])
  await ada('PUT', `/channels/${id}/pins/${before.body[0].id}`)
  expect((await page()).headers.get('x-channel-seq')).toBe('5')
  for (const path of ['members', 'pins', `messages/${before.body[0].id}/replies`]) {
    expect((await ada('GET', `/channels/${id}/${path}`)).headers.get('x-channel-seq')).toBe('5')
  }
  // Whatever is said while it is read is either in it, or after the number that it tells.
  const reading = countTo(4).map(() => page())
  const saying = countTo(4).map((n) => say(ada, id, `Meanwhile ${n}`))
  const answers = await Promise.all(reading)
  await Promise.all(saying)
  for (const answer of answers) {
    const head = Number(answer.headers.get('x-channel-seq'))
    const seqs = seqsOf(answer)
    const rest = seqsOf(await page(`?after_seq=${head}`))
    const all = seqsOf(await page('?limit=100'))
    expect(new Set([...seqs, ...rest])).toEqual(new Set(all))
  }
})

test('replies, and what is deleted, keep their places', async () => {
  const { ada, id, page } = await channelOf(2)
  const [second, first] = (await page()).body
  await say(ada, id, 'Reply', { thread_id: first.id })
  await ada('DELETE', `/channels/${id}/messages/${second.id}`)
  const history = await page()
  expect(textsOf(history)).toEqual(['Reply', null, 'No 2'])
  expect(seqsOf(history)).toEqual([4, 3, 2])
})

test('a place that is none is refused', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  for (const query of [
    'before_seq=x',
    'after_seq=-1',
    'around_seq=1.5',
    'limit=0',
    'limit=101',
    'before_seq=1&after_seq=2',
  ]) {
    expect([query, refusalOf(await ada('GET', `/channels/${id}/messages?${query}`))]).toEqual([
      query,
      '422 validation_failed',
    ])
  }
})

test('channels are listed newest first: one’s own, the public ones, or both', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const mark = `zq${crypto.randomUUID().slice(0, 8)}`
  const [hers, secret, his, hidden] = [
    await newChannel(ada, { name: `${mark} one` }),
    await newChannel(ada, { name: `${mark} two`, visibility: 'private' }),
    await newChannel(bob, { name: `${mark} three` }),
    await newChannel(bob, { name: `${mark} four`, visibility: 'private' }),
  ]
  const list = async (query: string) =>
    (await ada('GET', `/channels?q=${mark}${query}`)).body.map(({ id }: { id: string }) => id)
  expect(await list('')).toEqual([his, secret, hers])
  expect(await list('&scope=member')).toEqual([secret, hers])
  expect(await list('&scope=public')).toEqual([his, hers])
  expect(await list('%20t')).toEqual([his, secret])
  await ada('DELETE', `/channels/${hers}`)
  expect(await list('')).toEqual([his, secret])
  await bob('PATCH', `/channels/${hidden}`, { visibility: 'public' })
  await bob('PATCH', `/channels/${his}`, { visibility: 'private' })
  expect(await list('')).toEqual([hidden, secret])
  expect((await ada('GET', '/channels?scope=member')).body.map(({ id }: { id: string }) => id)).toEqual([secret])
})

test('names are found without case and accents, in Chinese too, and by their beginning', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  for (const visibility of ['public', 'private']) {
    const id = await newChannel(ada, { visibility, name: 'Café Zürich 東京駅', description: 'Über alles' })
    const found = async (q: string) =>
      (
        await ada('GET', `/channels?scope=${visibility === 'public' ? 'public' : 'member'}&q=${encodeURIComponent(q)}`)
      ).body
        .map((channel: { id: string }) => channel.id)
        .includes(id)
    for (const q of ['CAFE', 'zur', 'café zürich', '東京', '京駅', 'über zurich', 'alles zu'])
      expect([q, await found(q)]).toEqual([q, true])
    for (const q of ['af', 'cafe london', '京東', 'rich']) expect([q, await found(q)]).toEqual([q, false])
    expect((await bob('GET', '/channels?q=%22)%20OR%20scope:public')).status).toBe(200)
  }
})

test('a page of channels is full though its reader is banned from some, and leads on', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const mark = `zw${crypto.randomUUID().slice(0, 8)}`
  const ids: string[] = []
  for (const n of countTo(9)) ids.unshift(await newChannel(ada, { name: `${mark} ${n}` }))
  for (const id of [ids[1], ids[2], ids[5]]) {
    await ada('POST', `/channels/${id}/ban-by-username/${bob.user.username}`)
  }
  const first = await bob('GET', `/channels?q=${mark}&limit=3`)
  const rest = await bob('GET', `/channels?q=${mark}&limit=3&cursor=${first.headers.get('x-next-cursor')}`)
  expect([...first.body, ...rest.body].map(({ id }) => id)).toEqual([0, 3, 4, 6, 7, 8].map((at) => ids[at]))
  expect(rest.headers.get('link')).toBe(null)
  expect((await bob('GET', `/channels?limit=3&cursor=${first.headers.get('x-next-cursor')}`)).status).toBe(422)
})

test('a key makes one channel, and what a channel cannot be is refused', async () => {
  const ada = await signIn()
  const make = (name: string) => ada('POST', '/channels', { name }, { headers: { 'idempotency-key': 'c-1' } })
  const answers = await Promise.all(countTo(5).map(() => make('Once')))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(4)
  expect(refusalOf(await make('Twice'))).toBe('422 idempotency_key_reused')
  const path = `/channels/${answers[0]!.body.id}`
  for (const [field, value] of Object.entries({
    name: ' ',
    description: 'x'.repeat(501),
    visibility: 'secret',
    slow_mode_s: 21_601,
    owner_id: ada.user.id,
    kind: 'direct',
  })) {
    for (const [method, to] of [
      ['POST', '/channels'],
      ['PATCH', path],
    ] as const) {
      const { status, body } = await ada(method, to, { ...(method === 'POST' && { name: 'Fine' }), [field]: value })
      expect([field, status, body.errors?.[0].pointer]).toEqual([field, 422, `/${field}`])
    }
  }
  expect((await ada('PATCH', path, {})).status).toBe(422)
  expect((await ada('PATCH', path, { name: '\u202etxt' })).status).toBe(422)
  expect((await ada('PATCH', path, { description: null })).body).toMatchObject({ name: 'Once', description: null })
})
