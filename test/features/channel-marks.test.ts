import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { isEmoji } from '../../src/lib/channel-text.ts'
import { join, newChannel, refusalOf, said, setMember, signInMany } from '../support/channels.ts'
import { countOf, countTo, type SignedIn, signIn } from '../support/client.ts'

const reactionsOf = (id: string, message: string) => `/channels/${id}/messages/${message}/reactions`
const react = (who: SignedIn, id: string, message: string, emoji: string) =>
  who('PUT', `${reactionsOf(id, message)}/${encodeURIComponent(emoji)}`)
const unreact = (who: SignedIn, id: string, message: string, emoji: string) =>
  who('DELETE', `${reactionsOf(id, message)}/${encodeURIComponent(emoji)}`)
const eventsOf = (id: string, type: string) => countOf('channel_events WHERE channel_id = ? AND type = ?', id, type)

test('a reaction is counted once for each, and says whether one is among them', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const message = await said(ada, id, 'Hi')
  await react(bob, id, message, '👍')
  await react(ada, id, message, '🎉')
  const answer = await react(ada, id, message, '👍')
  const reactions = [
    { emoji: '👍', count: 2, me: true },
    { emoji: '🎉', count: 1, me: true },
  ]
  expect(answer).toMatchObject({ status: 200, body: { message_id: message, reactions } })
  const { body } = await bob('GET', `/channels/${id}/messages/${message}`)
  expect(body.reactions).toEqual([reactions[0], { ...reactions[1], me: false }])
  expect((await react(ada, id, message, '👍')).body.reactions).toEqual(reactions)
  expect((await unreact(ada, id, message, '👍')).body.reactions).toEqual([
    { ...reactions[0], count: 1, me: false },
    reactions[1],
  ])
  expect((await unreact(ada, id, message, '👍')).status).toBe(200)
  expect((await unreact(bob, id, message, '👍')).body.reactions).toEqual([{ ...reactions[1], me: false }])
  expect([await eventsOf(id, 'reaction.added'), await eventsOf(id, 'reaction.removed')]).toEqual([3, 2])
})

test('reactions at once are all counted, and one that is repeated once', async () => {
  const people = await signInMany(12)
  const [ada] = people
  const id = await newChannel(ada!)
  await Promise.all(people.map((who) => join(who, id)))
  const message = await said(ada!, id, 'Hi')
  await Promise.all(people.flatMap((who) => countTo(3).map(() => react(who, id, message, '👍'))))
  const { body } = await ada!('GET', `/channels/${id}/messages/${message}`)
  expect(body.reactions).toEqual([{ emoji: '👍', count: 12, me: true }])
  expect(await countOf('reactions WHERE message_id = ?', message)).toBe(12)
  await Promise.all(people.flatMap((who) => countTo(3).map(() => unreact(who, id, message, '👍'))))
  expect((await ada!('GET', `/channels/${id}/messages/${message}`)).body.reactions).toEqual([])
})

test('those who reacted are listed page by page', async () => {
  const people = await signInMany(5)
  const id = await newChannel(people[0]!)
  await Promise.all(people.map((who) => join(who, id)))
  const message = await said(people[0]!, id, 'Hi')
  for (const who of people) await react(who, id, message, ':ok:')
  const list = (query: string) =>
    people[0]!('GET', `${reactionsOf(id, message)}?emoji=${encodeURIComponent(':ok:')}${query}`)
  const first = await list('&limit=3')
  const rest = await list(`&limit=3&cursor=${first.headers.get('x-next-cursor')}`)
  expect([...first.body, ...rest.body].map(({ id }) => id)).toEqual(people.map(({ user }) => user.id).sort())
  expect(first.body[0]).toEqual({
    id: expect.any(String),
    username: expect.any(String),
    display_name: expect.any(String),
    kind: 'user',
  })
  expect((await people[0]!('GET', `${reactionsOf(id, message)}?emoji=%F0%9F%91%8D`)).body).toEqual([])
  expect((await people[0]!('GET', reactionsOf(id, message))).status).toBe(422)
})

test('a message has at most twenty different reactions, and more of those that it has', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  const message = await said(ada, id, 'Hi')
  const answers = await Promise.all(countTo(22).map((n) => react(ada, id, message, `:e${n}:`)))
  expect(answers.map(refusalOf).sort()).toEqual([...Array(20).fill('200'), '409 limit_reached', '409 limit_reached'])
  const has = answers.findIndex(({ status }) => status === 200) + 1
  expect((await react(bob, id, message, `:e${has}:`)).status).toBe(200)
  for (const who of [ada, bob]) await unreact(who, id, message, `:e${has}:`)
  expect((await react(bob, id, message, '👍')).status).toBe(200)
})

test('what is one emoji or a name is taken, and nothing else', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const message = await said(ada, id, 'Hi')
  const good = ['👍', '👍🏽', '❤️', '🇩🇪', '👩‍👩‍👧', '#️⃣', '©️', ':thumbs_up:', ':+1:', '🏴󠁧󠁢󠁥󠁮󠁧󠁿']
  for (const emoji of good) expect([emoji, (await react(ada, id, message, emoji)).status]).toEqual([emoji, 200])
  const bad = [
    'a',
    '1',
    'ok',
    '👍👍',
    '👍a',
    ':OK:',
    '::',
    ':a b:',
    '"',
    `:${'x'.repeat(31)}:`,
    '\u200d',
    "'; --",
    '$."x"',
  ]
  for (const emoji of bad) {
    expect([emoji, refusalOf(await react(ada, id, message, emoji))]).toEqual([emoji, '422 validation_failed'])
    expect([emoji, isEmoji(emoji)]).toEqual([emoji, false])
  }
  const { body } = await ada('GET', `/channels/${id}/messages/${message}`)
  expect(body.reactions.map(({ emoji }: { emoji: string }) => emoji)).toEqual(good)
})

test('pins are listed by when they were set, and setting or taking one twice changes nothing', async () => {
  const ada = await signIn()
  const id = await newChannel(ada)
  const [one, two] = [await said(ada, id, 'One'), await said(ada, id, 'Two')]
  const pin = (method: string, message: string) => ada(method, `/channels/${id}/pins/${message}`)
  for (const message of [two, two, one, one]) expect((await pin('PUT', message)).status).toBe(204)
  const listed = async () => (await ada('GET', `/channels/${id}/pins`)).body.map(({ id }: { id: string }) => id)
  expect(await listed()).toEqual([one, two])
  expect((await ada('GET', `/channels/${id}/messages/${one}`)).body.pinned).toBe(true)
  for (const _ of countTo(2)) expect((await pin('DELETE', one)).status).toBe(204)
  expect(await listed()).toEqual([two])
  expect([await eventsOf(id, 'pin.added'), await eventsOf(id, 'pin.removed')]).toEqual([2, 1])
  expect(refusalOf(await pin('PUT', crypto.randomUUID()))).toBe('404 not_found')
})

test('a channel has at most fifty pins', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const id = await newChannel(ada)
  await join(bob, id)
  await setMember(ada, id, bob, { role: 'moderator' })
  const messages = countTo(52).map(() => crypto.randomUUID())
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO channel_messages (id, channel_id, seq, author_id, nonce, send_hash, content, created_at)
       SELECT value, ?1, 4 + key, ?2, 'n' || key, '', 'No ' || key, 1 FROM json_each(?3)`,
    ).bind(id, ada.user.id, JSON.stringify(messages)),
    env.DB.prepare('UPDATE channel_messages SET pinned_at = seq WHERE channel_id = ? AND seq < 52').bind(id),
  ])
  const answers = await Promise.all(
    messages.slice(48).map((message, at) => [ada, bob][at % 2]!('PUT', `/channels/${id}/pins/${message}`)),
  )
  expect(answers.map(refusalOf).sort()).toEqual(['204', '204', '409 limit_reached', '409 limit_reached'])
  expect((await ada('GET', `/channels/${id}/pins`)).body).toHaveLength(50)
  await ada('DELETE', `/channels/${id}/pins/${messages[0]}`)
  const left = messages.slice(48)[answers.findIndex(({ status }) => status === 409)]
  expect((await bob('PUT', `/channels/${id}/pins/${left}`)).status).toBe(204)
})
