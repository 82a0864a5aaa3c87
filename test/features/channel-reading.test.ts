import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { add, join, newChannel, refusalOf, said, say, signInMany } from '../support/channels.ts'
import { countTo, one, type SignedIn, signIn } from '../support/client.ts'

const read = (who: SignedIn, id: string, seq: number) => who('PUT', `/channels/${id}/read`, { seq })
const unreadOf = async (who: SignedIn, id: string) =>
  (await who('GET', '/channels/unread')).body.find(({ channel_id }: { channel_id: string }) => channel_id === id)

/** Messages of somebody's after what there is, without the wait that sends would take. */
const fill = async (id: string, author: string, count: number) => {
  const { last_seq } = (await one<{ last_seq: number }>('SELECT last_seq FROM channels WHERE id = ?', id))!
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, created_at)
       SELECT value, ?1, ?2 + key + 1, ?3, value, '', 'No ' || key, 1 FROM json_each(?4)`,
    ).bind(id, last_seq, author, JSON.stringify(countTo(count).map(() => crypto.randomUUID()))),
    env.DB.prepare('UPDATE channels SET last_seq = last_seq + ? WHERE id = ?').bind(count, id),
  ])
}

test('what others said since one has read is unread, and what they said before one came is not', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!)
  await said(ada!, id, 'Before')
  await join(bob!, id)
  await add(ada!, id, eve!)
  expect(await unreadOf(bob!, id)).toEqual({ channel_id: id, head: 4, read_seq: 3, unread: 0, unread_mentions: 0 })
  expect(await unreadOf(eve!, id)).toMatchObject({ read_seq: 4, unread: 0 })
  await said(ada!, id, `@${bob!.user.username}`)
  const last = await say(ada!, id, 'Another')
  await said(bob!, id, `Mine, @channel and @${bob!.user.username}`)
  expect(await unreadOf(bob!, id)).toMatchObject({ head: 7, read_seq: 3, unread: 2, unread_mentions: 1 })
  expect(await unreadOf(ada!, id)).toMatchObject({ unread: 1, unread_mentions: 1 })
  await ada!('DELETE', `/channels/${id}/messages/${last.body.id}`)
  expect(await unreadOf(bob!, id)).toMatchObject({ unread: 1, unread_mentions: 1 })
  expect((await read(bob!, id, 5)).body).toEqual({ read_seq: 5, unread: 0, unread_mentions: 0 })
  expect((await bob!('GET', `/channels/${id}`)).body.read_seq).toBe(5)
  // Others' markers are nobody's business.
  expect((await ada!('GET', `/channels/${id}`)).body.read_seq).toBe(0)
})

test('a read marker never goes back, and never beyond what there is', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  for (const n of countTo(4)) await said(ada, id, `No ${n}`)
  for (const [seq, read_seq, unread] of [
    [4, 4, 2],
    [3, 4, 2],
    [0, 4, 2],
    [999, 6, 0],
    [5, 6, 0],
  ]) {
    expect((await read(bob, id, seq!)).body).toEqual({ read_seq, unread, unread_mentions: 0 })
  }
  await said(ada, id, 'New')
  expect(await unreadOf(bob, id)).toMatchObject({ read_seq: 6, unread: 1 })
  for (const body of [{}, { seq: -1 }, { seq: 1.5 }, { seq: '1' }, { seq: 1, user_id: ada.user.id }]) {
    expect((await bob('PUT', `/channels/${id}/read`, body)).status).toBe(422)
  }
})

test('of markers that are set at once the furthest holds', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  await fill(id, ada.user.id, 50)
  await Promise.all(countTo(30).map((n) => read(bob, id, ((n * 7) % 30) + 1)))
  expect(await unreadOf(bob, id)).toMatchObject({ read_seq: 30, unread: 22 })
})

test('unread is counted to a hundred', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  await fill(id, ada.user.id, 99)
  expect(await unreadOf(bob, id)).toMatchObject({ unread: 99 })
  await fill(id, ada.user.id, 2)
  expect(await unreadOf(bob, id)).toMatchObject({ unread: 100 })
  expect((await read(bob, id, 3)).body).toMatchObject({ unread: 100 })
  expect((await read(bob, id, 4)).body).toMatchObject({ unread: 99 })
  await env.DB.prepare(
    'INSERT INTO channel_mentions (channel_id, member_id, seq, message_id) SELECT channel_id, iif(seq % 2, ?, ?), seq, id FROM channel_messages WHERE channel_id = ?',
  )
    .bind(bob.user.id, '*', id)
    .run()
  expect(await unreadOf(bob, id)).toMatchObject({ unread: 99, unread_mentions: 99 })
  await fill(id, bob.user.id, 20)
  expect(await unreadOf(bob, id)).toMatchObject({ unread: 99, unread_mentions: 99 })
})

test('who comes back finds unread what was said since', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  await bob('POST', `/channels/${id}/leave`)
  await said(ada, id, 'While he was away')
  expect(await unreadOf(bob, id)).toBe(undefined)
  await join(bob, id)
  await said(ada, id, 'Hello again')
  expect(await unreadOf(bob, id)).toMatchObject({ unread: 1 })
})

test('who is no member of a public channel has no marker in it', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await said(ada, id, 'Hi')
  expect((await read(bob, id, 2)).body).toEqual({ read_seq: 0, unread: 1, unread_mentions: 0 })
  expect((await bob('GET', '/channels/unread')).body).toEqual([])
  const secret = await newChannel(ada, { visibility: 'private' })
  expect(refusalOf(await read(bob, secret, 1))).toBe('404 not_found')
  await ada('DELETE', `/channels/${id}`)
  expect(refusalOf(await read(ada, id, 2))).toBe('404 not_found')
  expect(await unreadOf(ada, id)).toBe(undefined)
})

test('what is unread, a page of history and a list of channels each take one trip to D1, and a send none beside the channel’s', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await said(ada, id, 'Hi')
  await join(bob, id)
  await bob('GET', `/channels/${id}`)
  const trips = async (method: string, path: string, body?: object) => {
    const { status, headers } = await bob(method, path, body)
    return [path, status, /trips=(\d+)/.exec(headers.get('server-timing') ?? '')?.[1]]
  }
  for (const path of [
    '/channels',
    '/channels/unread',
    ...['', '/messages', '/members', '/pins'].map((part) => `/channels/${id}${part}`),
  ]) {
    expect(await trips('GET', path)).toEqual([path, 200, '1'])
  }
  const path = `/channels/${id}/messages`
  expect(await trips('POST', path, { content: 'Hi' })).toEqual([path, 201, '0'])
})
