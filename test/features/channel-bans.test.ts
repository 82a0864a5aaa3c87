import { expect, test } from 'vitest'
import {
  add,
  ban,
  join,
  newChannel,
  refusalOf,
  rolesIn,
  say,
  setMember,
  signInMany,
  unban,
} from '../support/channels.ts'
import { client, countOf, countTo, signIn, signInAdmin } from '../support/client.ts'

test('a ban and its end have the shapes and paths of contract 3', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const { body: channel } = await ada('POST', '/api/channels', { name: 'general', description: 'General discussion' })
  await join(bob, channel.id)
  const { status, body } = await ada('POST', `/api/channels/${channel.id}/ban-by-username/${bob.user.username}`)
  expect(status).toBe(200)
  const { id, name, description, owner_id, created_at, member_exceptions } = body
  expect({ id, name, description, owner_id, created_at, member_exceptions }).toEqual({
    id: channel.id,
    name: 'general',
    description: 'General discussion',
    owner_id: ada.user.id,
    created_at: channel.created_at,
    member_exceptions: [{ user_id: bob.user.id, created_at: expect.any(String) }],
  })
  const banned = await ada('GET', `/api/channels/${channel.id}/banned-users`)
  const { username } = bob.user
  expect(banned.body).toEqual([{ id: bob.user.id, username, display_name: expect.any(String), reason: null }])
  const lifted = await ada('POST', `/api/channels/${channel.id}/unban-by-username/${bob.user.username}`)
  expect(lifted).toMatchObject({ status: 200, body: { id: channel.id, member_exceptions: [] } })
  expect((await ada('GET', `/api/channels/${channel.id}/banned-users`)).body).toEqual([])
})

test('who is banned is out, and after the ban is lifted may come back, but does not by that', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await say(bob, id, 'Spam')
  await ban(ada, id, bob, { reason: 'Spam' })
  expect(await rolesIn(ada, id)).toEqual({ [ada.user.id]: 'owner' })
  for (const path of [`/channels/${id}`, `/channels/${id}/messages`]) {
    expect(refusalOf(await bob('GET', path))).toBe('403 banned')
  }
  expect((await bob('GET', `/channels/${id}`)).body.detail).toBe('You are banned from this channel: Spam')
  expect((await ada('GET', `/channels/${id}/banned-users`)).body).toMatchObject([{ id: bob.user.id, reason: 'Spam' }])
  expect((await bob('GET', '/channels?scope=all')).body.map(({ id }: { id: string }) => id)).not.toContain(id)
  expect((await bob('GET', '/channels/unread')).body).toEqual([])
  await unban(ada, id, bob)
  expect((await bob('GET', `/channels/${id}`)).body).toMatchObject({ role: null })
  expect((await join(bob, id)).status).toBe(200)
})

test('a ban that is repeated, also at once and by two, is one', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!)
  await add(ada!, id, eve!)
  await setMember(ada!, id, eve!, { role: 'moderator' })
  const answers = await Promise.all([
    ...countTo(5).map(() => ban(ada!, id, bob!)),
    ...countTo(5).map(() => ban(eve!, id, bob!)),
  ])
  for (const { status, body } of answers) {
    expect([status, body.member_exceptions]).toEqual([200, [{ user_id: bob!.user.id, created_at: expect.any(String) }]])
  }
  expect(await countOf("channel_events WHERE channel_id = ? AND type = 'member.banned'", id)).toBe(1)
  expect(await countOf("audit_log WHERE target_id = ? AND action = 'channel.user_banned'", id)).toBe(1)
  await Promise.all(countTo(5).map(() => unban(ada!, id, bob!)))
  expect(await countOf("channel_events WHERE channel_id = ? AND type = 'member.unbanned'", id)).toBe(1)
})

test('of an owner and a moderator who ban each other at once the owner remains', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  await setMember(ada, id, bob, { role: 'moderator' })
  const [first, second] = await Promise.all([ban(bob, id, ada), ban(ada, id, bob)])
  expect([first.status, second.status]).toEqual([403, 200])
  expect(await rolesIn(ada, id)).toEqual({ [ada.user.id]: 'owner' })
})

test('nobody bans themselves, the unknown are not found, and who never was a member can be banned', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada, { visibility: 'private' })
  expect(refusalOf(await ban(ada, id, ada))).toBe('400 self_ban')
  for (const act of ['ban', 'unban']) {
    const path = `/channels/${id}/${act}-by-username`
    expect(refusalOf(await ada('POST', `${path}/nobody-of-this-name`))).toBe('404 not_found')
    expect(refusalOf(await ada('POST', `${path}/${'x'.repeat(33)}`))).toBe('404 not_found')
  }
  expect(refusalOf(await unban(ada, id, bob))).toBe('200')
  const path = `/channels/${id}/ban-by-username/${bob.user.username.toUpperCase()}`
  expect((await ada('POST', path)).body.member_exceptions).toMatchObject([{ user_id: bob.user.id }])
  expect(refusalOf(await bob('GET', `/channels/${id}`))).toBe('404 not_found')
  // An unknown name tells who has no right nothing.
  const foreign = await newChannel(bob)
  await join(ada, foreign)
  expect(refusalOf(await ada('POST', `/channels/${foreign}/ban-by-username/nobody-of-this-name`))).toBe('403 forbidden')
  expect((await ban(ada, id, bob, { reason: 'x'.repeat(501) })).status).toBe(422)
  expect((await ban(ada, id, bob, { why: 'x' })).status).toBe(422)
})

test('banned users are listed page by page, the oldest ban first', async () => {
  const [ada, ...others] = await signInMany(5)
  const id = await newChannel(ada!)
  for (const who of others) await ban(ada!, id, who)
  const first = await ada!('GET', `/channels/${id}/banned-users?limit=3`)
  const rest = await ada!('GET', `/channels/${id}/banned-users?limit=3&cursor=${first.headers.get('x-next-cursor')}`)
  const ids = [...first.body, ...rest.body].map(({ id }) => id)
  expect(new Set(ids)).toEqual(new Set(others.map(({ user }) => user.id)))
  expect(rest.headers.get('link')).toBe(null)
  const { body } = await ban(ada!, id, others[0]!)
  expect(body.member_exceptions.map(({ user_id }: { user_id: string }) => user_id)).toEqual(ids)
})

test('a message that races a ban is either there, before it, or refused', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const [, ...answers] = await Promise.all([ban(ada, id, bob), ...countTo(8).map((n) => say(bob, id, `No ${n}`))])
  const { last_seq } = (await ada('GET', `/channels/${id}`)).body
  const { body: messages } = await ada('GET', `/channels/${id}/messages`)
  const banned = await countOf(
    "channel_events WHERE channel_id = ? AND type = 'member.banned' AND seq = ?",
    id,
    last_seq,
  )
  expect(banned).toBe(1)
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(messages.length)
  const refused = answers.filter(({ status }) => status !== 201)
  expect(refused.map(refusalOf)).toEqual(refused.map(() => '403 banned'))
})

test('bans, their ends and the end of a channel are in the audit log, in the act’s own transaction', async () => {
  const [admin, ada, bob] = [await signInAdmin(), await signIn(), await signIn()]
  const id = await newChannel(ada)
  await ban(ada, id, bob, { reason: 'A secret reason' })
  await ban(ada, id, bob)
  await unban(ada, id, bob)
  await ada('DELETE', `/channels/${id}`)
  const { body } = await admin('GET', `/admin/audit?target_id=${id}`)
  const common = { actor_id: ada.user.id, target_type: 'channel', target_id: id, fields: [], outcome: 'done' }
  expect(body).toMatchObject([
    { ...common, action: 'channel.deleted' },
    { ...common, action: 'channel.user_unbanned' },
    { ...common, action: 'channel.user_banned', request_id: expect.any(String) },
  ])
  expect((await admin('GET', '/admin/audit?action=channel.user_banned')).body[0]).toMatchObject(body[2])
  expect(JSON.stringify(body)).not.toContain('secret')
  expect((await client()('POST', `/channels/${id}/ban-by-username/${bob.user.username}`)).status).toBe(401)
})
