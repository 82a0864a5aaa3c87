import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { deleteAccount } from '../../src/features/users/service/deletion.ts'
import {
  add,
  ban,
  join,
  newChannel,
  refusalOf,
  rolesIn,
  said,
  say,
  setMember,
  signInMany,
  textsOf,
} from '../support/channels.ts'
import { countOf, countTo, one, runChores, type SignedIn, signIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const closeAccount = (who: SignedIn) => who('DELETE', '/users/me')
const lastEvents = async (id: string, count: number) =>
  (
    await env.DB.prepare(
      'SELECT type, actor_id, payload FROM channel_events WHERE channel_id = ? ORDER BY seq DESC LIMIT ?',
    )
      .bind(id, count)
      .all<{ type: string; actor_id: string; payload: string }>()
  ).results
    .reverse()
    .map(({ payload, ...event }) => ({ ...event, ...JSON.parse(payload ?? '{}') }))
const DELETED = { username: null, display_name: 'Deleted user', kind: 'user' }
const open = async (who: SignedIn, ...others: SignedIn[]): Promise<string> =>
  (await who('POST', '/channels/direct', { usernames: others.map(({ user }) => user.username) })).body.id
const soon = () => new Date(Date.now() + 61_000)

test('who closes their account leaves their channels, and their words stay without their name', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const message = await said(bob, id, 'My words')
  await bob('PUT', `/channels/${id}/messages/${message}/reactions/:ok:`)
  const file = (await bob('PUT', '/upload?filename=bob.txt', undefined, { raw: 'Mine' })).body.id
  const withFile = await said(bob, id, 'See', { attachments: [file] })
  expect((await closeAccount(bob)).body).toMatchObject({ complete: true, files: 1 })
  expect(await rolesIn(ada, id)).toEqual({ [ada.user.id]: 'owner' })
  expect(await lastEvents(id, 1)).toMatchObject([{ type: 'member.left', actor_id: bob.user.id, user_id: bob.user.id }])
  const { body } = await ada('GET', `/channels/${id}/messages/${message}`)
  expect(body).toMatchObject({ content: 'My words', user_id: bob.user.id, user: { id: bob.user.id, ...DELETED } })
  expect(body.reactions).toEqual([{ emoji: ':ok:', count: 1, me: false }])
  const reactors = await ada('GET', `/channels/${id}/messages/${message}/reactions?emoji=${encodeURIComponent(':ok:')}`)
  expect(reactors.body).toEqual([{ id: bob.user.id, ...DELETED }])
  // Of what was attached not even the name is left.
  expect((await ada('GET', `/channels/${id}/messages/${withFile}`)).body).toMatchObject({
    content: 'See',
    attachments: [],
  })
  expect((await ada('GET', `/files/${file}/content`)).status).toBe(404)
  expect(JSON.stringify(await one('SELECT * FROM channel_messages WHERE id = ?', withFile))).not.toContain('bob.txt')
  expect(refusalOf(await add(ada, id, bob))).toBe('404 not_found')
  expect(await countOf('read_state WHERE user_id = ?', bob.user.id)).toBe(0)
})

test('a channel goes to its oldest moderator, then to its oldest member, and with the last one it ends', async () => {
  const [ada, bob, eve, dan] = await signInMany(4)
  const id = await newChannel(ada!)
  for (const who of [bob!, eve!, dan!]) await add(ada!, id, who)
  await setMember(ada!, id, eve!, { role: 'moderator', muted_until: '2100-01-01T00:00:00.000Z' })
  await closeAccount(ada!)
  expect(await rolesIn(eve!, id)).toEqual({
    [bob!.user.id]: 'member',
    [eve!.user.id]: 'owner',
    [dan!.user.id]: 'member',
  })
  expect((await bob!('GET', `/channels/${id}`)).body.owner_id).toBe(eve!.user.id)
  expect((await say(eve!, id, 'Mine now')).status).toBe(201)
  expect((await lastEvents(id, 3)).slice(0, 2)).toMatchObject([
    { type: 'member.updated', actor_id: ada!.user.id, user_id: eve!.user.id, role: 'owner' },
    { type: 'member.left', actor_id: ada!.user.id, user_id: ada!.user.id },
  ])
  await closeAccount(eve!)
  expect((await dan!('GET', `/channels/${id}`)).body.owner_id).toBe(bob!.user.id)
  await dan!('POST', `/channels/${id}/leave`)
  await closeAccount(bob!)
  expect((await dan!('GET', `/channels/${id}`)).status).toBe(404)
  expect(await one('SELECT deleted_at IS NOT NULL AS gone FROM channels WHERE id = ?', id)).toEqual({ gone: 1 })
  expect(await countOf('channel_members WHERE member_id IN (?, ?)', ada!.user.id, bob!.user.id)).toBe(0)
  expect(
    await countOf("audit_log WHERE target_id = ? AND action = 'channel.deleted' AND actor_id = ?", id, bob!.user.id),
  ).toBe(1)
})

test('a direct channel keeps its other members, and ends with the last', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const [two, three] = [await open(ada!, bob!), await open(ada!, bob!, eve!)]
  await said(ada!, two, 'Remember me')
  await closeAccount(ada!)
  expect(await rolesIn(bob!, two)).toEqual({ [bob!.user.id]: 'member' })
  expect((await bob!('GET', `/channels/${two}`)).body.name).toBe('Deleted user')
  expect((await bob!('GET', `/channels/${three}`)).body.name).toBe(eve!.user.username)
  expect(textsOf(await bob!('GET', `/channels/${two}/messages`))).toEqual(['Remember me'])
  expect(await lastEvents(two, 1)).toMatchObject([{ type: 'member.left', user_id: ada!.user.id }])
  expect((await say(bob!, two, 'Still here')).status).toBe(201)
  expect(refusalOf(await bob!('POST', `/channels/${two}/leave`))).toBe('409 direct_channel')
  await closeAccount(bob!)
  const left = await env.DB.prepare('SELECT id, deleted_at IS NOT NULL AS gone FROM channels WHERE id IN (?, ?)')
    .bind(two, three)
    .all<{ id: string; gone: number }>()
  expect(Object.fromEntries(left.results.map(({ id, gone }) => [id, gone]))).toEqual({ [two]: 1, [three]: 0 })
  const names = await env.DB.prepare('SELECT name FROM channels WHERE kind = ?').bind('direct').all()
  expect(JSON.stringify(names.results)).not.toContain(ada!.user.username)
})

test('owner and heir who close their accounts at once leave the channel to the third', async () => {
  const [ada, bob, eve] = await signInMany(3)
  const id = await newChannel(ada!)
  for (const who of [bob!, eve!]) await add(ada!, id, who)
  await setMember(ada!, id, bob!, { role: 'moderator' })
  await Promise.all([closeAccount(ada!), closeAccount(bob!)])
  await runChores(soon())
  expect(await rolesIn(eve!, id)).toEqual({ [eve!.user.id]: 'owner' })
})

test('a closed account leaves no ban, mute or marker behind', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const [one_, two] = [await newChannel(ada), await newChannel(ada)]
  await ban(ada, one_, bob, { reason: 'About Bob' })
  await join(bob, two)
  await setMember(ada, two, bob, { muted_until: '2100-01-01T00:00:00.000Z' })
  await bob('PUT', `/channels/${two}/read`, { seq: 1 })
  expect((await closeAccount(bob)).body.complete).toBe(true)
  for (const table of ['channel_bans', 'channel_mutes', 'read_state']) {
    expect([table, await countOf(`${table} WHERE user_id = ?`, bob.user.id)]).toEqual([table, 0])
  }
  expect((await ada('GET', `/channels/${one_}/banned-users`)).body).toEqual([])
})

test('of many channels a part is left with the request, and the rest with the cron', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const ids = JSON.stringify(countTo(230).map(() => crypto.randomUUID()))
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO channels (id, kind, visibility, name, owner_id, created_at)
       SELECT value, 'channel', 'public', 'x', ?1, 1 FROM json_each(?2)`,
    ).bind(ada.user.id, ids),
    env.DB.prepare(
      `INSERT INTO channel_members (channel_id, member_id, role, joined_at)
       SELECT e.value, m.value, iif(m.key = 0, 'owner', 'member'), 1 FROM json_each(?1) e CROSS JOIN json_each(?2) m`,
    ).bind(ids, JSON.stringify([ada.user.id, bob.user.id])),
  ])
  expect((await closeAccount(bob)).body.complete).toBe(false)
  const left = await countOf('channel_members WHERE member_id = ?', bob.user.id)
  expect(left).toBe(30)
  // Two that come at once are not in each other's way.
  await Promise.all([runChores(soon()), runChores(soon())])
  await runChores(soon())
  expect(await countOf('channel_members WHERE member_id = ?', bob.user.id)).toBe(0)
  expect(await one('SELECT purged_at IS NOT NULL AS done FROM users WHERE id = ?', bob.user.id)).toEqual({ done: 1 })
  expect(await countOf("channel_events WHERE type = 'member.left' AND actor_id = ?", bob.user.id)).toBe(230)
}, 60_000)

test('a channel that cannot be reached keeps nobody from closing the account, and is left later', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const ids = [await newChannel(ada), await newChannel(ada)]
  for (const id of ids) await join(bob, id)
  const { ctx } = ctxOf(bob)
  const isDown = (name: string) => name === ids[0]
  const channels = {
    getByName: (name: string) =>
      isDown(name) ? { submit: () => Promise.reject(new Error('no channel')) } : env.CHANNEL.getByName(name),
  }
  const removal = await deleteAccount({ ...ctx, channels: channels as unknown as Env['CHANNEL'] }, bob.user.id)
  expect(removal.complete).toBe(false)
  expect((await bob('GET', '/users/me')).status).toBe(401)
  expect(await rolesIn(ada, ids[1]!)).toEqual({ [ada.user.id]: 'owner' })
  expect(Object.keys(await rolesIn(ada, ids[0]!))).toHaveLength(2)
  await runChores(soon())
  expect(await rolesIn(ada, ids[0]!)).toEqual({ [ada.user.id]: 'owner' })
})
