import { expect, test } from 'vitest'
import type { ChannelEvent, Message } from '../../clients/realtime/frames.ts'
import { type Member, membersAfter } from '../../console/screens/channels/membership.ts'
import { rowsOf } from '../../console/screens/channels/rows.ts'
import { joinTimelines, startTimeline, type Timeline, withEvent } from '../../console/screens/channels/timeline.ts'
import { afterMessage, allRead, countedAnew } from '../../console/screens/channels/unread.ts'

const ME = 'ada'

const message = (seq: number, more: Partial<Message> = {}): Message => ({
  id: `m${seq}`,
  content: `text ${seq}`,
  user_id: 'bob',
  channel_id: 'c1',
  created_at: new Date(Date.UTC(2026, 0, 1, 12, 0, seq)).toISOString(),
  user: { id: 'bob', username: 'bob', display_name: 'Bob', kind: 'user' },
  seq,
  version: 1,
  thread_id: null,
  reply_count: 0,
  mentions: [],
  attachments: [],
  reactions: [],
  pinned: false,
  edited_at: null,
  deleted_at: null,
  ...more,
})

const event = (type: ChannelEvent['type'], seq: number, data: object) =>
  ({ type, ch: 'c1', seq, ts: '2026-01-01T13:00:00.000Z', data }) as ChannelEvent
const said = (seq: number, more?: Partial<Message>) => event('message', seq, message(seq, more))
const after = (timeline: Timeline, ...events: ChannelEvent[]) =>
  events.reduce((now, each) => withEvent(now, each, ME), timeline)
const page = (seq: number, messages: Message[], next?: number) => ({ messages, epoch: 1, seq, next })
const found = (timeline: Timeline, id: string) => timeline.entries.find((entry) => entry.message.id === id)
const ids = (timeline: Timeline) => timeline.entries.map((entry) => entry.message.id)

test('a channel shows its messages in order, without the replies, which are counted at their root', () => {
  const start = startTimeline(
    null,
    page(3, [message(3, { thread_id: 'm1' }), message(2), message(1, { reply_count: 1 })]),
  )
  const now = after(start, said(4, { thread_id: 'm1' }), said(5))
  expect(ids(now)).toEqual(['m1', 'm2', 'm5'])
  expect([now.seq, found(now, 'm1')?.message.reply_count]).toEqual([5, 2])
})

test('a thread shows its root and its replies alone', () => {
  const start = startTimeline('m1', page(3, [message(1), message(3, { thread_id: 'm1' })]))
  const now = after(start, said(4), said(5, { thread_id: 'm1' }), said(6, { thread_id: 'm4' }))
  expect(ids(now)).toEqual(['m1', 'm3', 'm5'])
})

test('replies that a replay counts already and brings again are counted once', () => {
  const replayed = said(2, { reply_count: 2 })
  const now = after(
    startTimeline(null, page(1, [])),
    replayed,
    said(3, { thread_id: 'm2' }),
    said(4, { thread_id: 'm2' }),
  )
  expect(found(now, 'm2')?.message.reply_count).toBe(2)
})

test('an edit keeps what is one’s own; a deletion leaves the place empty', () => {
  const mine = message(1, { nonce: 'n1', reply_count: 3, reactions: [{ emoji: '👍', count: 1, me: true }] })
  const edited = message(1, { content: 'New', version: 2, reactions: [{ emoji: '👍', count: 1 }] })
  const now = after(startTimeline(null, page(1, [mine])), event('message.updated', 2, edited))
  expect(found(now, 'm1')?.message).toMatchObject({ ...mine, content: 'New', version: 2 })
  const gone = after(now, event('message.deleted', 3, { message_id: 'm1', by: 'bob' }))
  expect(found(gone, 'm1')?.message).toMatchObject({ content: null, reactions: [], deleted_at: expect.any(String) })
})

test('a reaction has the count that the event says, and is mine only when I gave it', () => {
  const react = (type: 'reaction.added' | 'reaction.removed', seq: number, user_id: string, count: number) =>
    event(type, seq, { message_id: 'm1', user_id, emoji: '🎉', count })
  const start = startTimeline(null, page(1, [message(1)]))
  const reactions = (timeline: Timeline) => found(timeline, 'm1')?.message.reactions
  const one = after(start, react('reaction.added', 2, 'bob', 1))
  expect(reactions(one)).toEqual([{ emoji: '🎉', count: 1, me: false }])
  const two = after(one, react('reaction.added', 3, ME, 2), react('reaction.removed', 4, 'bob', 1))
  expect(reactions(two)).toEqual([{ emoji: '🎉', count: 1, me: true }])
  expect(reactions(after(two, react('reaction.removed', 5, ME, 0)))).toEqual([])
})

test('pins come and go, and a chatbot that failed is told where it was called', () => {
  const start = startTimeline(null, page(1, [message(1)]))
  const pinned = after(start, event('pin.added', 2, { message_id: 'm1', by: 'bob' }))
  expect(found(pinned, 'm1')?.message.pinned).toBe(true)
  const now = after(
    pinned,
    event('pin.removed', 3, { message_id: 'm1', by: 'bob' }),
    event('chatbot.failed', 4, { chatbot_id: 'x', reply_to: 'm1', run_id: null, code: 'gone' }),
  )
  expect(found(now, 'm1')).toMatchObject({ message: { pinned: false }, failure: 'gone' })
})

test('a page that was read later than the timeline stands is not changed by what it has already', () => {
  const start = startTimeline(null, page(10, [message(10)], 10))
  const older = startTimeline(null, page(12, [message(1, { reply_count: 2 })]))
  const joined = joinTimelines(start, older)
  expect([joined.seq, joined.next, ids(joined)]).toEqual([10, undefined, ['m1', 'm10']])
  const now = after(joined, said(11, { thread_id: 'm1' }), said(12, { thread_id: 'm1' }), said(13, { thread_id: 'm1' }))
  expect(found(now, 'm1')?.message.reply_count).toBe(3)
})

test('of a message in two pages the later state stays', () => {
  const late = startTimeline(null, page(9, [message(1, { content: 'late' })]))
  const early = startTimeline(null, page(5, [message(1, { content: 'early' })]))
  expect(found(joinTimelines(late, early), 'm1')?.message.content).toBe('late')
  expect(found(joinTimelines(early, late), 'm1')?.message.content).toBe('late')
})

test('what others say is unread, to a hundred; what names me or everybody is a mention', () => {
  const none = allRead(5)
  expect(afterMessage(none, message(6, { user_id: ME }), ME)).toEqual({ ...none, head: 6 })
  expect(afterMessage(none, message(5), ME)).toEqual(none)
  expect(afterMessage(none, message(6), ME)).toMatchObject({ unread: 1, unread_mentions: 0 })
  expect(afterMessage(none, message(6, { mentions: [ME] }), ME)).toMatchObject({ unread: 1, unread_mentions: 1 })
  expect(afterMessage(none, message(6, { mentions: ['*'] }), ME)).toMatchObject({ unread_mentions: 1 })
  expect(afterMessage({ ...none, unread: 100 }, message(6), ME).unread).toBe(100)
})

test('counts that were asked for before a message count it once, whichever comes first', () => {
  const counted = { head: 7, read_seq: 5, unread: 2, unread_mentions: 0 }
  expect(countedAnew(counted, undefined, [message(7), message(8)], ME)).toMatchObject({ head: 8, unread: 3 })
  expect(countedAnew(counted, allRead(7), [message(8)], ME)).toMatchObject({ read_seq: 7, unread: 1 })
  expect(countedAnew(counted, allRead(6), [], ME)).toEqual(counted)
})

test('members come, change and go', () => {
  const user = message(1).user
  const member = (type: ChannelEvent['type'], role: string | null) =>
    event(type, 2, { user, role, by: null, muted_until: null })
  const joined = membersAfter([], member('member.joined', 'member'))
  expect(joined).toMatchObject([{ user, role: 'member', kind: 'user' }])
  expect(membersAfter(joined, member('member.joined', 'member'))).toHaveLength(1)
  expect(membersAfter(joined, member('member.updated', 'moderator'))).toMatchObject([{ role: 'moderator' }])
  for (const type of ['member.left', 'member.removed', 'member.banned'] as const) {
    expect(membersAfter(joined, member(type, null)) satisfies Member[]).toEqual([])
  }
})

test('an author’s name stands once above what they say in a row, and again after a pause, a day or the new ones', () => {
  const entries = [
    message(1),
    message(2),
    message(3, { user_id: 'eve' }),
    message(4),
    message(5),
    message(6, { created_at: '2026-01-01T12:20:00.000Z' }),
    message(7, { created_at: '2026-01-03T12:20:00.000Z' }),
  ].map((each) => ({ message: each, asOf: 7 }))
  const rows = rowsOf(entries, { after: 4, upTo: 7, me: ME })
  expect(rows.map(({ isContinued }) => isContinued)).toEqual([false, true, false, false, false, false, false])
  expect(rows.findIndex(({ isFirstUnread }) => isFirstUnread)).toBe(4)
  expect(rows.map(({ isNewDay }) => isNewDay)).toEqual([true, false, false, false, false, false, true])
  expect(rowsOf(entries).some(({ isFirstUnread }) => isFirstUnread)).toBe(false)
})
