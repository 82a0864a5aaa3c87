import { env } from 'cloudflare:workers'
import { afterAll, expect, test } from 'vitest'
import { removeDeletedChannels } from '../../src/features/channels/housekeeping.ts'
import { ban, join, newChannel, said, say, setMember, signInMany } from '../support/channels.ts'
import { countOf, countTo, one, runChores, type SignedIn, signIn } from '../support/client.ts'
import { ctxOf } from '../support/ctx.ts'

const DAY_MS = 86_400_000
const after = (days: number) => new Date(Date.now() + days * DAY_MS)
const PARTS = [
  'channel_messages',
  'channel_events',
  'channel_mentions',
  'channel_attachments',
  'reactions',
  'channel_members',
  'channel_mutes',
  'channel_bans',
  'channel_invites',
  'read_state',
]
const countsOf = async (id: string): Promise<Record<string, number>> =>
  Object.fromEntries(
    await Promise.all(PARTS.map(async (part) => [part, await countOf(`${part} WHERE channel_id = ?`, id)])),
  )
const isThere = async (id: string) => (await countOf('channels WHERE id = ?', id)) === 1

afterAll(async () => {
  await env.DB.batch(
    ['channel_events', 'channel_messages', 'channel_members', 'read_state'].map((part) =>
      env.DB.prepare(`DELETE FROM ${part}`),
    ),
  )
})

/** A channel with something of everything. */
async function fullChannel(): Promise<{ id: string; ada: SignedIn; file: string }> {
  const [ada, bob, eve] = (await signInMany(3)) as [SignedIn, SignedIn, SignedIn]
  const id = await newChannel(ada)
  await Promise.all([join(bob, id), join(eve, id)])
  const file = (await ada('PUT', '/upload?filename=a.txt', undefined, { raw: 'Mine' })).body.id
  const root = await said(ada, id, `Hello @${bob.user.username}`, { attachments: [file] })
  await say(bob, id, 'Reply', { thread_id: root })
  await ada('PATCH', `/channels/${id}/messages/${root}`, { content: `Hello again @${bob.user.username}` })
  await bob('PUT', `/channels/${id}/messages/${root}/reactions/:ok:`)
  await setMember(ada, id, bob, { muted_until: '2100-01-01T00:00:00.000Z' })
  await bob('POST', `/channels/${id}/leave`)
  await ban(ada, id, eve)
  await ada('POST', `/channels/${id}/invites`, {})
  await ada('PUT', `/channels/${id}/read`, { seq: 3 })
  return { id, ada, file }
}

test('what was in a channel goes thirty days after its end, and its files with it', async () => {
  const [gone, kept] = [await fullChannel(), await fullChannel()]
  expect(Object.values(await countsOf(gone.id)).every((count) => count > 0)).toBe(true)
  const before = await countsOf(kept.id)
  await gone.ada('DELETE', `/channels/${gone.id}`)
  await runChores(after(29.9))
  expect([await isThere(gone.id), (await countsOf(gone.id)).channel_messages]).toEqual([true, 2])
  await runChores(after(30.1))
  expect(await isThere(gone.id)).toBe(false)
  expect(await countsOf(gone.id)).toEqual(Object.fromEntries(PARTS.map((part) => [part, 0])))
  expect(await countOf('files WHERE id = ?', gone.file)).toBe(0)
  expect(await countOf('channel_message_versions WHERE message_id NOT IN (SELECT id FROM channel_messages)')).toBe(0)
  expect([await isThere(kept.id), await countsOf(kept.id)]).toEqual([true, before])
  expect((await kept.ada('GET', `/channels/search?q=hello&channel_id=${kept.id}`)).body).toHaveLength(1)
})

test('of a large channel a part goes each time, and it costs nothing to find that nothing is to be done', async () => {
  const ada = await signIn()
  const [large, living] = [await newChannel(ada), await newChannel(ada)]
  const fill = (id: string, n: number) =>
    env.DB.batch([
      env.DB.prepare(
        `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, created_at)
         SELECT value, ?1, key + 2, ?2, value, '', 'Words', 1 FROM json_each(?3)`,
      ).bind(id, ada.user.id, JSON.stringify(countTo(n).map(() => crypto.randomUUID()))),
      env.DB.prepare('UPDATE channels SET last_seq = ? WHERE id = ?').bind(n + 1, id),
      env.DB.prepare(
        "INSERT INTO channel_events (channel_id, seq, type, message_id, created_at) SELECT channel_id, seq, 'message', id, 1 FROM channel_messages WHERE channel_id = ?",
      ).bind(id),
      env.DB.prepare(
        `INSERT INTO read_state (user_id, channel_id, read_seq, updated_at) SELECT value, ?1, 1, 1 FROM json_each(?2)`,
      ).bind(id, JSON.stringify(countTo(n).map(() => crypto.randomUUID()))),
    ])
  for (const id of [large, living]) await fill(id, 6_000)
  const costAt = async (now: Date) => {
    const { ctx, meter } = ctxOf(ada)
    await removeDeletedChannels({ ...ctx, now })
    return meter
  }
  const idle = await costAt(after(31))
  expect([idle.trips, idle.rowsWritten]).toEqual([1, 0])
  expect(idle.rowsRead).toBeLessThanOrEqual(60)
  expect((await ada('DELETE', `/channels/${large}`)).status).toBe(204)
  await costAt(after(31))
  expect(await countsOf(large)).toMatchObject({ channel_messages: 1_000, read_state: 1_000 })
  const second = await costAt(after(31))
  expect(await isThere(large)).toBe(false)
  // Of the last 1,000 of each, and of no other channel’s.
  expect(second.rowsRead).toBeLessThanOrEqual(50 * 1_000)
  expect(await countsOf(living)).toMatchObject({ channel_messages: 6_000, read_state: 6_000 })
  expect(await one('SELECT count(*) AS n FROM channels WHERE id = ?', living)).toEqual({ n: 1 })
}, 60_000)
