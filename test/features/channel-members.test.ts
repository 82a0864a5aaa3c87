import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { add, ban, join, newChannel, refusalOf, rolesIn, say, setMember, signInMany } from '../support/channels.ts'
import { countOf, countTo, one, type SignedIn, signIn } from '../support/client.ts'

const seqOf = async (who: SignedIn, id: string) => (await who('GET', `/channels/${id}`)).body.last_seq as number
const eventsOf = async (id: string) =>
  (
    await env.DB.prepare('SELECT seq, type, actor_id, payload FROM channel_events WHERE channel_id = ? ORDER BY seq')
      .bind(id)
      .all<{ seq: number; type: string; actor_id: string; payload: string | null }>()
  ).results.map(({ payload, ...event }) => ({ ...event, ...JSON.parse(payload ?? '{}') }))

test('joining twice and leaving twice is joining and leaving once', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  expect((await join(bob, id)).body).toMatchObject({ role: 'member', last_seq: 2, read_seq: 2 })
  expect((await join(bob, id)).body).toMatchObject({ role: 'member', last_seq: 2 })
  for (const _ of countTo(2)) expect((await bob('POST', `/channels/${id}/leave`)).status).toBe(204)
  expect((await bob('GET', `/channels/${id}`)).body).toMatchObject({ role: null, last_seq: 3 })
  expect(await eventsOf(id)).toMatchObject([
    { type: 'member.joined', actor_id: ada.user.id, user_id: ada.user.id, role: 'owner' },
    { type: 'member.joined', actor_id: bob.user.id, user_id: bob.user.id, role: 'member' },
    { type: 'member.left', actor_id: bob.user.id, user_id: bob.user.id },
  ])
})

test('twenty joins of one user at once are one', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const answers = await Promise.all(countTo(20).map(() => join(bob, id)))
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  expect(await seqOf(ada, id)).toBe(2)
})

test('who is taken in is named by id or by username, and stays as they are when they were in it', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!, { visibility: 'private' })
  const to = (body: object) => ada!('POST', `/channels/${id}/members`, body)
  expect(await to({ username: bob!.user.username.toUpperCase() })).toMatchObject({
    status: 201,
    body: { user: { id: bob!.user.id, username: bob!.user.username, kind: 'user' }, role: 'member', kind: 'user' },
  })
  await setMember(ada!, id, bob!, { role: 'moderator' })
  expect(await to({ user_id: bob!.user.id })).toMatchObject({ status: 200, body: { role: 'moderator' } })
  expect(refusalOf(await to({ username: 'nobody-of-this-name' }))).toBe('404 not_found')
  expect(refusalOf(await to({ user_id: crypto.randomUUID() }))).toBe('404 not_found')
  for (const body of [
    {},
    { user_id: 'x' },
    { user_id: eve!.user.id, username: eve!.user.username },
    { role: 'owner' },
  ]) {
    expect((await to(body)).status).toBe(422)
  }
  await ban(ada!, id, eve!)
  expect(refusalOf(await to({ user_id: eve!.user.id }))).toBe('409 user_banned')
  expect((await bob!('GET', `/channels/${id}`)).body).toMatchObject({ role: 'moderator' })
})

test('who was kicked may come back, and kicking who is not there changes nothing', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const kick = () => ada('DELETE', `/channels/${id}/members/${bob.user.id}`)
  expect((await kick()).status).toBe(204)
  const after = await seqOf(ada, id)
  expect((await kick()).status).toBe(204)
  expect(await seqOf(ada, id)).toBe(after)
  expect(await rolesIn(ada, id)).toEqual({ [ada.user.id]: 'owner' })
  expect((await join(bob, id)).body.role).toBe('member')
  expect(refusalOf(await ada('DELETE', `/channels/${id}/members/${ada.user.id}`))).toBe('403 forbidden')
})

test('a channel is handed over in one step, which everybody sees', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  await setMember(ada, id, bob, { muted_until: '2100-01-01T00:00:00.000Z' })
  const { body } = await setMember(ada, id, bob, { role: 'owner' })
  // Nobody could unmute an owner.
  expect(body).toMatchObject({ role: 'owner', muted_until: null })
  expect(await rolesIn(bob, id)).toEqual({ [ada.user.id]: 'moderator', [bob.user.id]: 'owner' })
  expect((await ada('GET', `/channels/${id}`)).body).toMatchObject({ owner_id: bob.user.id, role: 'moderator' })
  expect((await eventsOf(id)).slice(-2)).toMatchObject([
    { type: 'member.updated', actor_id: ada.user.id, user_id: bob.user.id, role: 'owner' },
    { type: 'member.updated', actor_id: ada.user.id, user_id: ada.user.id, role: 'moderator' },
  ])
  expect((await ada('POST', `/channels/${id}/leave`)).status).toBe(204)
  expect(refusalOf(await bob('POST', `/channels/${id}/leave`))).toBe('409 last_owner')
})

test('of two that an owner hands a channel to at once one has it', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!)
  await Promise.all([join(bob!, id), join(eve!, id)])
  const answers = await Promise.all([bob!, eve!].map((who) => setMember(ada!, id, who, { role: 'owner' })))
  expect(answers.map(refusalOf).sort()).toEqual(['200', '403 forbidden'])
  expect(Object.values(await rolesIn(ada!, id)).sort()).toEqual(['member', 'moderator', 'owner'])
  const owner = answers[0]!.status === 200 ? bob! : eve!
  expect(await one('SELECT owner_id FROM channels WHERE id = ?', id)).toEqual({ owner_id: owner.user.id })
})

test('an owner does not give up their role but to another', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  expect(refusalOf(await setMember(ada, id, ada, { role: 'member' }))).toBe('409 last_owner')
  expect((await setMember(ada, id, ada, { role: 'owner' })).body.role).toBe('owner')
  expect(refusalOf(await setMember(ada, id, ada, { muted_until: '2100-01-01T00:00:00.000Z' }))).toBe('403 forbidden')
  expect(await seqOf(ada, id)).toBe(1)
})

test('what a member cannot be is refused', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  for (const changes of [
    {},
    { role: 'admin' },
    { muted_until: 'soon' },
    { joined_at: null },
    { role: 'owner', muted_until: '2100-01-01T00:00:00.000Z' },
  ]) {
    expect((await setMember(ada, id, bob, changes)).status).toBe(422)
  }
  expect(refusalOf(await setMember(ada, id, await signIn(), { role: 'member' }))).toBe('404 not_found')
})

test('a change that changes nothing makes no event', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const until = '2100-01-01T00:00:00.000Z'
  await setMember(ada, id, bob, { role: 'moderator', muted_until: until })
  const after = await seqOf(ada, id)
  expect((await setMember(ada, id, bob, { muted_until: until })).body).toMatchObject({ role: 'moderator' })
  expect((await setMember(ada, id, bob, { role: 'moderator' })).body).toMatchObject({ muted_until: until })
  expect(await seqOf(ada, id)).toBe(after)
})

test('members are listed page by page, with how far the channel had come', async () => {
  const [ada, ...others] = await signInMany(6)
  const id = await newChannel(ada!)
  await Promise.all(others.map((who) => join(who, id)))
  const first = await ada!('GET', `/channels/${id}/members?limit=4`)
  const rest = await ada!('GET', `/channels/${id}/members?limit=4&cursor=${first.headers.get('x-next-cursor')}`)
  expect(first.headers.get('x-channel-seq')).toBe('6')
  expect(first.headers.get('x-channel-epoch')).toBe('1')
  const ids = [...first.body, ...rest.body].map(({ user }) => user.id)
  expect(ids).toEqual([ada!, ...others].map(({ user }) => user.id).sort())
  expect(rest.headers.get('link')).toBe(null)
  const foreign = first.headers.get('x-next-cursor')
  expect((await ada!('GET', `/channels/${await newChannel(ada!)}/members?cursor=${foreign}`)).status).toBe(422)
})

test('nobody is in more than 500 channels, deleted ones apart', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  const fill = (count: number, deletedAt: number | null) =>
    env.DB.batch([
      env.DB.prepare(
        `INSERT INTO channels (id, kind, visibility, name, owner_id, created_at, deleted_at)
         SELECT value, 'channel', 'private', 'x', ?1, 1, ?3 FROM json_each(?2)`,
      ).bind(bob.user.id, JSON.stringify(countTo(count).map(() => crypto.randomUUID())), deletedAt),
      env.DB.prepare(
        `INSERT INTO channel_members (channel_id, member_id, role, joined_at)
         SELECT id, ?1, 'owner', 1 FROM channels WHERE owner_id = ?1 AND deleted_at IS ?2`,
      ).bind(bob.user.id, deletedAt),
    ])
  await fill(20, 1)
  await fill(499, null)
  expect((await join(bob, id)).status).toBe(200)
  const other = await newChannel(ada)
  expect(refusalOf(await join(bob, other))).toBe('409 limit_reached')
  expect(refusalOf(await say(bob, other, 'Hi'))).toBe('409 limit_reached')
  expect(refusalOf(await add(ada, other, bob))).toBe('409 limit_reached')
  expect(refusalOf(await bob('POST', '/channels', { name: 'one more' }))).toBe('409 limit_reached')
  // What others open with somebody is counted apart.
  expect((await ada('POST', '/channels/direct', { usernames: [bob.user.username] })).status).toBe(201)
  expect(await countOf('channel_members WHERE member_id = ?', bob.user.id)).toBe(521)
  expect((await bob('GET', '/channels/unread')).body).toHaveLength(501)
  await bob('POST', `/channels/${id}/leave`)
  expect((await join(bob, other)).status).toBe(200)
})
