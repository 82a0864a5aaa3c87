import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { add, ban, refusalOf, rolesIn, said, say, setMember, signInMany } from '../support/channels.ts'
import { countOf, countTo, type SignedIn, signIn } from '../support/client.ts'

const open = (who: SignedIn, ...others: SignedIn[]) =>
  who('POST', '/channels/direct', { usernames: others.map(({ user }) => user.username) })

test('two people have one direct channel, whoever asks for it', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const made = await open(ada, bob)
  expect(made).toMatchObject({
    status: 201,
    body: { kind: 'direct', visibility: 'private', name: bob.user.username, role: 'member', last_seq: 2 },
  })
  expect(made.headers.get('location')).toBe(`/api/v1/channels/${made.body.id}`)
  // Each sees the others' names, also when they name themselves.
  for (const again of [await open(bob, ada), await open(bob, ada, bob)]) {
    expect(again).toMatchObject({ status: 200, body: { id: made.body.id, name: ada.user.username } })
  }
  await said(ada, made.body.id, 'Hello, Bob')
  expect((await bob('GET', '/channels/unread')).body).toMatchObject([{ channel_id: made.body.id, unread: 1 }])
  expect((await bob('GET', '/channels?scope=member')).body).toMatchObject([{ id: made.body.id }])
  expect((await bob('GET', `/channels?scope=member&q=${ada.user.username.slice(0, 6)}`)).body).toHaveLength(1)
})

test('a direct channel that many ask for at once is one', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const answers = await Promise.all([
    ...countTo(4).map(() => open(ada!, bob!, eve!)),
    ...countTo(4).map(() => open(bob!, eve!, ada!)),
  ])
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(7).fill(200), 201])
  const id = answers[0]!.body.id
  expect(Object.values(await rolesIn(ada!, id))).toEqual(['member', 'member', 'member'])
  expect((await open(ada!, bob!)).body.id).not.toBe(id)
})

test('a direct channel has no roles, bans, invitations, joins and leaves', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const { id } = (await open(ada!, bob!)).body
  const answers = [
    await ada!('PATCH', `/channels/${id}`, { name: 'Ours' }),
    await ada!('DELETE', `/channels/${id}`),
    await ada!('POST', `/channels/${id}/leave`),
    await ada!('POST', `/channels/${id}/invites`, {}),
    await ada!('GET', `/channels/${id}/invites`),
    await ada!('GET', `/channels/${id}/banned-users`),
    await ada!('DELETE', `/channels/${id}/invites/${crypto.randomUUID()}`),
    await ada!('DELETE', `/channels/${id}/members/${bob!.user.id}`),
    await add(ada!, id, eve!),
    await setMember(ada!, id, bob!, { role: 'moderator' }),
    await setMember(ada!, id, bob!, { muted_until: '2100-01-01T00:00:00.000Z' }),
    await ban(ada!, id, bob!),
    await ada!('POST', `/channels/${id}/unban-by-username/${bob!.user.username}`),
  ]
  expect(answers.map(refusalOf)).toEqual(answers.map(() => '409 direct_channel'))
  expect((await ada!('POST', `/channels/${id}/join`)).status).toBe(200)
  expect(await rolesIn(ada!, id)).toEqual({ [ada!.user.id]: 'member', [bob!.user.id]: 'member' })
})

test('in a direct channel each pins, and deletes their own words only', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { id } = (await open(ada, bob)).body
  const message = await said(ada, id, 'Mine')
  expect((await bob('PUT', `/channels/${id}/pins/${message}`)).status).toBe(204)
  expect(refusalOf(await bob('DELETE', `/channels/${id}/messages/${message}`))).toBe('403 forbidden')
  expect((await ada('DELETE', `/channels/${id}/messages/${message}`)).status).toBe(204)
})

test('nobody opens more than 50 direct channels a day, and who is in one already comes in', async () => {
  const [ada, bob, cy] = [await signIn(), await signIn(), await signIn()]
  const first = await open(ada, bob)
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO channels (id, kind, visibility, name, owner_id, created_at)
       SELECT value, 'direct', 'private', '', ?1, ?3 FROM json_each(?2)`,
    ).bind(ada.user.id, JSON.stringify(Array.from({ length: 49 }, () => crypto.randomUUID())), Date.now()),
    env.DB.prepare(
      `INSERT INTO channel_members (channel_id, member_id, role, joined_at)
       SELECT id, ?1, 'member', 1 FROM channels WHERE owner_id = ?1 AND name = '' AND id <> ?2`,
    ).bind(ada.user.id, first.body.id),
  ])
  expect(refusalOf(await open(ada, cy))).toBe('409 limit_reached')
  expect((await open(ada, bob)).body.id).toBe(first.body.id)
  expect((await open(cy, ada)).status).toBe(201)
})

test('to everybody else a direct channel does not exist', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const { id } = (await open(ada!, bob!)).body
  const message = await said(ada!, id, 'Between us')
  const answers = [
    await eve!('GET', `/channels/${id}`),
    await eve!('GET', `/channels/${id}/messages`),
    await eve!('GET', `/channels/${id}/messages/${message}`),
    await say(eve!, id, 'Hi'),
    await eve!('POST', `/channels/${id}/join`),
    await eve!('POST', `/channels/${id}/leave`),
    await eve!('GET', `/channels/search?q=between&channel_id=${id}`),
  ]
  expect(answers.map(refusalOf)).toEqual(answers.map(() => '404 not_found'))
  expect((await eve!('GET', `/channels?q=${bob!.user.username}`)).body).toEqual([])
})

test('whom a direct channel is with must be there, and somebody else', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const ask = (usernames: unknown) => ada('POST', '/channels/direct', { usernames })
  expect(await ask([bob.user.username, 'nobody-of-this-name'])).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/usernames/1' }] },
  })
  for (const usernames of [[], [ada.user.username], countTo(10).map((n) => `user${n}`), 'bob', [7]]) {
    expect((await ask(usernames)).status).toBe(422)
  }
  expect(await countOf('channel_members WHERE member_id = ?', ada.user.id)).toBe(0)
  expect((await ask([` ${bob.user.username.toUpperCase()} `])).status).toBe(201)
})
