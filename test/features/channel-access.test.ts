import { beforeAll, beforeEach, expect, test } from 'vitest'
import { add, ban, join, newChannel, refusalOf, said, say, setMember, signInMany } from '../support/channels.ts'
import { countOf, type SignedIn, signInAdmin } from '../support/client.ts'

const ROLES = ['outsider', 'banned', 'member', 'moderator', 'owner'] as const
type Role = (typeof ROLES)[number]
type People = Record<Role | 'victim' | 'newcomer', SignedIn>

/** What an operation may be pointed at. */
type Things = { id: string; message: string; pinned: string; invite: string } & People

let people: People
let admin: SignedIn

// Afresh, as the requests of all cases together are more than one may send in a minute.
beforeEach(async () => {
  const [outsider, banned, member, moderator, owner, victim, newcomer] = await signInMany(7)
  people = { outsider, banned, member, moderator, owner, victim, newcomer } as People
})
beforeAll(async () => {
  admin = await signInAdmin()
})

/** A channel of them all, with a message of `victim`'s and one that is pinned. */
async function setUp(visibility: string): Promise<Things> {
  const { owner, moderator, member, banned, victim } = people
  const id = await newChannel(owner, { visibility })
  for (const who of [moderator, member, banned, victim]) await add(owner, id, who)
  await setMember(owner, id, moderator, { role: 'moderator' })
  const message = await said(victim, id, 'A word of the victim’s')
  const pinned = await said(victim, id, 'Another')
  await owner('PUT', `/channels/${id}/pins/${pinned}`)
  const { body: invite } = await owner('POST', `/channels/${id}/invites`, {})
  await ban(owner, id, banned)
  return { id, message, pinned, invite: invite.id, ...people }
}

type Operation = [method: string, path: (things: Things) => string, body?: (things: Things) => object]

const at = (id: string, rest = '') => `/channels/${id}${rest}`
const SEE: [string, string[], Operation[]] = [
  'sees what is in it',
  ['200', '403 banned', '200', '200', '200'],
  [
    ['GET', ({ id }) => at(id)],
    ['GET', ({ id }) => at(id, '/members')],
    ['GET', ({ id }) => at(id, '/pins')],
    ['GET', ({ id }) => at(id, '/messages')],
    ['GET', ({ id, message }) => at(id, `/messages/${message}`)],
    ['GET', ({ id, message }) => at(id, `/messages/${message}/replies`)],
    ['GET', ({ id, message }) => at(id, `/messages/${message}/reactions?emoji=%F0%9F%91%8D`)],
    ['GET', ({ id }) => `/channels/search?q=word&channel_id=${id}`],
    ['PUT', ({ id }) => at(id, '/read'), () => ({ seq: 1 })],
  ],
]

const ALL_403 = ['403 forbidden', '403 banned']
const moderators = (moderator: string, owner = moderator) => [...ALL_403, '403 forbidden', moderator, owner]
const ownerAlone = (status: string) => [...ALL_403, '403 forbidden', '403 forbidden', status]

/** What each of ROLES gets in a public channel, in this order; in a private one the first two get 404. */
const MATRIX: [string, string[], Operation[]][] = [
  SEE,
  [
    'says something',
    ['201', '403 banned', '201', '201', '201'],
    [
      ['POST', ({ id }) => at(id, '/messages'), () => ({ content: 'Hi' })],
      ['POST', ({ id }) => at(id, '/messages'), ({ message }) => ({ content: 'Hi', thread_id: message })],
      ['POST', () => '/chat/messages', ({ id }) => ({ content: 'Hi', channel_id: id })],
    ],
  ],
  [
    'reacts',
    [...ALL_403, '200', '200', '200'],
    [
      ['PUT', ({ id, message }) => at(id, `/messages/${message}/reactions/%F0%9F%91%8D`)],
      ['DELETE', ({ id, message }) => at(id, `/messages/${message}/reactions/:ok:`)],
    ],
  ],
  [
    'edits another’s message',
    [...ALL_403, '403 forbidden', '403 forbidden', '403 forbidden'],
    [['PATCH', ({ id, message }) => at(id, `/messages/${message}`), () => ({ content: 'Mine' })]],
  ],
  ['deletes another’s message', moderators('204'), [['DELETE', ({ id, message }) => at(id, `/messages/${message}`)]]],
  [
    'sees what a message said before',
    moderators('200'),
    [['GET', ({ id, message }) => at(id, `/messages/${message}/versions`)]],
  ],
  [
    'pins',
    moderators('204'),
    [
      ['PUT', ({ id, message }) => at(id, `/pins/${message}`)],
      ['DELETE', ({ id, pinned }) => at(id, `/pins/${pinned}`)],
    ],
  ],
  [
    'changes it, and sees to its members',
    moderators('200'),
    [
      ['PATCH', ({ id }) => at(id), () => ({ description: 'Changed' })],
      ['GET', ({ id }) => at(id, '/invites')],
      ['GET', ({ id }) => at(id, '/banned-users')],
      [
        'PATCH',
        ({ id, victim }) => at(id, `/members/${victim.user.id}`),
        () => ({ muted_until: '2100-01-01T00:00:00.000Z' }),
      ],
      ['POST', ({ id, victim }) => at(id, `/ban-by-username/${victim.user.username}`)],
      ['POST', ({ id, victim }) => at(id, `/unban-by-username/${victim.user.username}`)],
    ],
  ],
  [
    'takes somebody in',
    moderators('201', '200'),
    [['POST', ({ id }) => at(id, '/members'), ({ newcomer }) => ({ user_id: newcomer.user.id })]],
  ],
  ['invites', moderators('201'), [['POST', ({ id }) => at(id, '/invites'), () => ({})]]],
  ['kicks', moderators('204'), [['DELETE', ({ id, victim }) => at(id, `/members/${victim.user.id}`)]]],
  [
    'takes an invitation back',
    moderators('204', '404 not_found'),
    [['DELETE', ({ id, invite }) => at(id, `/invites/${invite}`)]],
  ],
  [
    'gives roles',
    ownerAlone('200'),
    [
      ['PATCH', ({ id, victim }) => at(id, `/members/${victim.user.id}`), () => ({ role: 'moderator' })],
      ['PATCH', ({ id, victim }) => at(id, `/members/${victim.user.id}`), () => ({ role: 'owner' })],
    ],
  ],
  ['deletes it', ownerAlone('204'), [['DELETE', ({ id }) => at(id)]]],
  ['joins', ['200', '403 banned', '200', '200', '200'], [['POST', ({ id }) => at(id, '/join')]]],
  ['leaves', ['204', '204', '204', '204', '409 last_owner'], [['POST', ({ id }) => at(id, '/leave')]]],
]

const CASES = MATRIX.flatMap(([act, expected, operations]) =>
  ['public', 'private'].map((visibility) => ({ act, visibility, expected, operations })),
)

test.each(CASES)('who $act in a $visibility channel', async ({ visibility, expected, operations }) => {
  for (const [method, path, body] of operations) {
    const things = await setUp(visibility)
    const answers: string[] = []
    // Those who may the least come first, so that nobody finds it done.
    for (const role of ROLES) answers.push(refusalOf(await people[role](method, path(things), body?.(things))))
    const hidden = ['404 not_found', '404 not_found', ...expected.slice(2)]
    expect([method, path(things), answers]).toEqual([method, path(things), visibility === 'public' ? expected : hidden])
  }
})

test('a private channel is to a service’s administrator what it is to everybody', async () => {
  const things = await setUp('private')
  for (const [, , operations] of MATRIX) {
    for (const [method, path, body] of operations) {
      expect(refusalOf(await admin(method, path(things), body?.(things)))).toBe('404 not_found')
    }
  }
  expect(await countOf('audit_log WHERE actor_id = ?', admin.user.id)).toBe(0)
})

test('a channel that one may not see, one that never was and one that cannot be are answered with the same words', async () => {
  const secret = await setUp('private')
  const ids = { message: crypto.randomUUID(), pinned: crypto.randomUUID(), invite: crypto.randomUUID() }
  const details = new Set<string>()
  for (const [act, , operations] of MATRIX) {
    for (const [method, path, body] of operations.filter(([, path]) => path(secret).startsWith('/channels/0'))) {
      for (const id of [secret.id, crypto.randomUUID(), 'nope', '%00']) {
        const answer = await people.outsider(method, path({ ...people, ...ids, id }), body?.(secret))
        expect([act, id, answer.status]).toEqual([act, id, 404])
        details.add(JSON.stringify({ ...answer.body, request_id: '' }))
      }
    }
  }
  expect(details.size).toBe(1)
})

test('a moderator does nothing to the owner or to another moderator', async () => {
  const things = await setUp('public')
  const { id, owner, moderator, member } = things
  await setMember(owner, id, member, { role: 'moderator' })
  for (const target of [owner, member]) {
    const answers = [
      await setMember(moderator, id, target, { muted_until: '2100-01-01T00:00:00.000Z' }),
      await setMember(moderator, id, target, { role: 'member' }),
      await moderator('DELETE', `/channels/${id}/members/${target.user.id}`),
      await ban(moderator, id, target),
    ]
    expect(answers.map(refusalOf)).toEqual(answers.map(() => '403 forbidden'))
  }
  expect((await say(member, id, 'Still here')).status).toBe(201)
  expect(refusalOf(await ban(owner, id, member))).toBe('200')
})

test('who is muted does all but say something, edit and react, and is told until when', async () => {
  const { id, owner, victim, message } = await setUp('public')
  const until = '2100-01-01T00:00:00.000Z'
  expect((await setMember(owner, id, victim, { muted_until: until })).body).toMatchObject({ muted_until: until })
  for (const [method, path, body] of [
    ['POST', '/messages', { content: 'Hi' }],
    ['PATCH', `/messages/${message}`, { content: 'Better' }],
    ['PUT', `/messages/${message}/reactions/:ok:`],
    ['DELETE', `/messages/${message}/reactions/:ok:`],
  ] as const) {
    expect(await victim(method, `/channels/${id}${path}`, body)).toMatchObject({
      status: 403,
      body: { code: 'muted', until },
    })
  }
  expect((await victim('GET', `/channels/${id}/messages`)).status).toBe(200)
  expect((await victim('PUT', `/channels/${id}/read`, { seq: 5 })).status).toBe(200)
  expect((await victim('DELETE', `/channels/${id}/messages/${message}`)).status).toBe(204)
  expect((await setMember(owner, id, victim, { muted_until: null })).body.muted_until).toBe(null)
  expect((await say(victim, id, 'At last')).status).toBe(201)
})

test('a mute ends by itself', async () => {
  const { id, owner, victim } = await setUp('public')
  await setMember(owner, id, victim, { muted_until: new Date(Date.now() - 1_000).toISOString() })
  expect((await say(victim, id, 'Hi')).status).toBe(201)
})

test('who is muted remains so when they leave and come back, or are kicked', async () => {
  const { id, owner, victim } = await setUp('public')
  const until = '2100-01-01T00:00:00.000Z'
  await setMember(owner, id, victim, { muted_until: until })
  for (const away of [
    () => victim('POST', `/channels/${id}/leave`),
    () => owner('DELETE', `/channels/${id}/members/${victim.user.id}`),
  ]) {
    expect((await away()).status).toBe(204)
    // Saying something would join.
    expect(await say(victim, id, 'Hi')).toMatchObject({ status: 403, body: { code: 'muted', until } })
    await join(victim, id)
    expect(await say(victim, id, 'Hi')).toMatchObject({ status: 403, body: { code: 'muted', until } })
  }
  await setMember(owner, id, victim, { muted_until: null })
  expect((await say(victim, id, 'Hi')).status).toBe(201)
})

test('a message of another channel is none of this one', async () => {
  const { id, owner } = await setUp('public')
  const other = await newChannel(owner)
  const foreign = await said(owner, other, 'Elsewhere')
  for (const [method, path, body] of [
    ['GET', `/messages/${foreign}`],
    ['GET', `/messages/${foreign}/replies`],
    ['GET', `/messages/${foreign}/versions`],
    ['GET', `/messages/${foreign}/reactions?emoji=:ok:`],
    ['PATCH', `/messages/${foreign}`, { content: 'Mine' }],
    ['DELETE', `/messages/${foreign}`],
    ['PUT', `/messages/${foreign}/reactions/:ok:`],
    ['PUT', `/pins/${foreign}`],
    ['DELETE', `/pins/${foreign}`],
  ] as const) {
    expect([method, path, refusalOf(await owner(method, `/channels/${id}${path}`, body))]).toEqual([
      method,
      path,
      '404 not_found',
    ])
  }
  const reply = await say(owner, id, 'Hi', { thread_id: foreign })
  expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer: '/thread_id' }] } })
  expect((await owner('GET', `/channels/${other}/messages`)).body).toHaveLength(1)
})
