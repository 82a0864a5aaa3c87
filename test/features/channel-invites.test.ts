import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { ban, newChannel, refusalOf, rolesIn, signInMany } from '../support/channels.ts'
import { countTo, one, type SignedIn, signIn } from '../support/client.ts'

const invite = async (by: SignedIn, id: string, body: object = {}) =>
  (await by('POST', `/channels/${id}/invites`, body)).body as { id: string; code: string }
const accept = (who: SignedIn, code: string) => who('POST', `/invites/${code}/accept`)
const usesOf = async (id: string) =>
  (await one<{ uses: number }>('SELECT uses FROM channel_invites WHERE id = ?', id))!.uses

test('an invitation opens a private channel, is counted, and its code is shown once', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada, { visibility: 'private' })
  const made = await ada('POST', `/channels/${id}/invites`, { max_uses: 3 })
  expect(made).toMatchObject({
    status: 201,
    body: { max_uses: 3, uses: 0, code: expect.stringMatching(/^[\w-]{22}$/) },
  })
  expect(Date.parse(made.body.expires_at) - Date.now()).toBeGreaterThan(6.9 * 86_400_000)
  for (const _ of countTo(2)) {
    expect(await accept(bob, made.body.code)).toMatchObject({ status: 200, body: { id, role: 'member' } })
  }
  const { code, ...shown } = made.body
  expect((await ada('GET', `/channels/${id}/invites`)).body).toEqual([{ ...shown, uses: 1 }])
  expect(await one('SELECT code_hash FROM channel_invites WHERE id = ?', shown.id)).not.toMatchObject({
    code_hash: code,
  })
})

test('of many who come by one place at once one comes in', async () => {
  const [ada, ...others] = await signInMany(7)
  const id = await newChannel(ada!, { visibility: 'private' })
  const { id: inviteId, code } = await invite(ada!, id, { max_uses: 2 })
  const answers = await Promise.all(others.map((who) => accept(who, code)))
  expect(answers.map(refusalOf).sort()).toEqual(['200', '200', ...Array(4).fill('410 gone')])
  expect(Object.keys(await rolesIn(ada!, id))).toHaveLength(3)
  expect(await usesOf(inviteId)).toBe(2)
  // Who is in it needs no place.
  const inside = others[answers.findIndex(({ status }) => status === 200)]!
  expect((await accept(inside, code)).status).toBe(200)
})

test('an invitation that was taken back, has expired or leads to a deleted channel is gone', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada, { visibility: 'private' })
  const [revoked, expired, left] = [
    await invite(ada, id),
    await invite(ada, id, { expires_in: 60 }),
    await invite(ada, id),
  ]
  const path = `/channels/${id}/invites/${revoked.id}`
  expect((await ada('DELETE', path)).status).toBe(204)
  expect((await ada('DELETE', path)).status).toBe(404)
  await env.DB.prepare('UPDATE channel_invites SET expires_at = ? WHERE id = ?')
    .bind(Date.now() - 1, expired.id)
    .run()
  for (const { code } of [revoked, expired]) expect(refusalOf(await accept(bob, code))).toBe('410 gone')
  await ada('DELETE', `/channels/${id}`)
  expect(refusalOf(await accept(bob, left.code))).toBe('410 gone')
  for (const code of ['nope', 'x'.repeat(65), '%00']) expect(refusalOf(await accept(bob, code))).toBe('404 not_found')
})

test('who is banned does not come in by an invitation', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  for (const visibility of ['public', 'private']) {
    const id = await newChannel(ada, { visibility })
    const { id: inviteId, code } = await invite(ada, id)
    await ban(ada, id, bob)
    expect(refusalOf(await accept(bob, code))).toBe('403 banned')
    expect(await usesOf(inviteId)).toBe(0)
  }
})

test('a key makes one invitation, and its repetition does not show the code', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const make = (body: object) =>
    ada('POST', `/channels/${id}/invites`, body, { headers: { 'idempotency-key': 'invite-1' } })
  const first = await make({ max_uses: 5 })
  const again = await make({ max_uses: 5 })
  expect(again).toMatchObject({ status: 201, body: { ...first.body, code: null } })
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(refusalOf(await make({ max_uses: 6 }))).toBe('422 idempotency_key_reused')
  expect((await ada('GET', `/channels/${id}/invites`)).body).toHaveLength(1)
})

test('invitations have bounds, and are listed page by page', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  for (const body of [
    { expires_in: 59 },
    { expires_in: 30 * 86_400 + 1 },
    { max_uses: 0 },
    { max_uses: 1_001 },
    { code: 'mine' },
  ]) {
    expect((await ada('POST', `/channels/${id}/invites`, body)).status).toBe(422)
  }
  const made: string[] = []
  for (const _ of countTo(5)) made.unshift((await invite(ada, id, { expires_in: null })).id)
  const first = await ada('GET', `/channels/${id}/invites?limit=3`)
  const rest = await ada('GET', `/channels/${id}/invites?limit=3&cursor=${first.headers.get('x-next-cursor')}`)
  expect([...first.body, ...rest.body].map(({ id }) => id)).toEqual(made)
  expect(first.body[0].expires_at).toBe(null)
})
