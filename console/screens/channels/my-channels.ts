import { signal } from '@preact/signals'
import type { Message } from '../../../clients/realtime/frames.ts'
import { api, ok, type Page, page, type Schemas } from '../../api/client.ts'
import { Problem } from '../../api/problem.ts'
import { me } from '../../api/session.ts'
import { type Happening, subscribe } from './connection.ts'
import { afterMessage, allRead, countedAnew, type Unread } from './unread.ts'

export type Channel = Schemas['Channel']

/** The user's channels as far as they are loaded, newest first; undefined before any is. */
export const channels = signal<Page<Channel> | undefined>(undefined)
export const channelsError = signal<unknown>(undefined)
/** What is unread, by channel: of all of them. */
export const unread = signal<ReadonlyMap<string, Unread>>(new Map())
/** Why a channel is no longer the user's, by its id. */
export const partings = signal<ReadonlyMap<string, string>>(new Map())

const PAGE = 100
/** Counts who has left: an answer that they asked for is nobody's. */
let turn = 0

/** Loads the first page, and what is unread. */
export async function loadChannels(): Promise<void> {
  const mine = turn
  channelsError.value = undefined
  try {
    const [first] = await Promise.all([listMine(undefined), loadUnread()])
    if (mine === turn) channels.value = first
  } catch (error) {
    if (mine === turn) channelsError.value = error
  }
}

export async function loadMoreChannels(): Promise<void> {
  const mine = turn
  const now = channels.value
  if (!now?.next) return
  const { items, next } = await listMine(now.next)
  // Meanwhile the list may have begun anew, or be that of another.
  if (mine !== turn || channels.value?.next !== now.next) return
  channels.value = { items: joined(items, channels.value.items), next }
}

/** Each once, as the later have it. Ids are in the order of time. */
const joined = (items: Channel[], later: Channel[]) =>
  [...new Map([...items, ...later].map((channel) => [channel.id, channel])).values()].sort((a, b) =>
    a.id < b.id ? 1 : -1,
  )

const listMine = (cursor: string | undefined) =>
  page(api.GET('/api/v1/channels', { params: { query: { scope: 'member', limit: PAGE, cursor } } }))

/** What was said since the counts were asked for, while they are on their way. */
let since: Message[] | undefined
let countings = 0

async function loadUnread(): Promise<void> {
  const counting = ++countings
  const said: Message[] = []
  since = said
  const counted = await ok(api.GET('/api/v1/channels/unread'))
  // A later one knows more, and who has left asks no more.
  if (counting !== countings) return
  since = undefined
  const mine = me.value!.id
  const sinceIn = (id: string) => said.filter(({ channel_id }) => channel_id === id)
  unread.value = new Map(
    counted.map(({ channel_id: id, ...rest }) => [id, countedAnew(rest, unread.value.get(id), sinceIn(id), mine)]),
  )
}

/** A channel that became the user's, or is other than it was. */
export function putChannel(channel: Channel): void {
  // Whose it is may have left since they asked for it.
  if (!me.value) return
  drop(partings, channel.id)
  const { items = [], next } = channels.value ?? {}
  channels.value = { items: joined(items, [channel]), next }
}

const findChannel = (id: string) => channels.value?.items.find((channel) => channel.id === id)

/** Leaves the list, with a sentence why unless the user knows. */
export function takeOut(id: string, why?: string): void {
  if (channels.value) {
    channels.value = { ...channels.value, items: channels.value.items.filter((channel) => channel.id !== id) }
  }
  drop(unread, id)
  if (why) partings.value = new Map(partings.value).set(id, why)
}

const leaving = new Set<string>()

/** Leaves or deletes a channel by what `act` does: that it is gone then needs no sentence. @throws what `act` throws */
export async function quit(id: string, act: () => Promise<unknown>): Promise<void> {
  leaving.add(id)
  try {
    await act()
    takeOut(id)
  } finally {
    leaving.delete(id)
  }
}

/** All of a channel is read here, before the server says so. */
export function markRead(id: string, seq: number): void {
  unread.value = new Map(unread.value).set(id, allRead(seq))
}

function drop<T>(map: { value: ReadonlyMap<string, T> }, id: string): void {
  map.value = new Map([...map.value].filter(([key]) => key !== id))
}

subscribe((happening) => {
  // What fails here is made good by the next connection.
  follow(happening).catch(() => {})
})

async function follow(happening: Happening): Promise<void> {
  switch (happening.type) {
    case 'open': {
      const gone = (channels.value?.items ?? []).filter(({ id }) => !(id in happening.channels))
      await Promise.all([...gone.map(({ id }) => partUnseen(id)), loadChannels()])
      return
    }
    case 'end':
      turn++
      countings++
      since = undefined
      channels.value = undefined
      channelsError.value = undefined
      unread.value = new Map()
      partings.value = new Map()
      return
    case 'channel.added': {
      const mine = turn
      const channel = await getChannel(happening.ch)
      if (mine !== turn) return
      putChannel(channel)
      return loadUnread()
    }
    case 'channel.gone':
      return partUnseen(happening.ch)
    case 'message': {
      since?.push(happening.data)
      const counted = unread.value.get(happening.ch) ?? allRead(0)
      unread.value = new Map(unread.value).set(happening.ch, afterMessage(counted, happening.data, me.value!.id))
      return
    }
    case 'read.updated':
      if ((unread.value.get(happening.ch)?.read_seq ?? 0) < happening.data.read_seq) await loadUnread()
      return
    case 'channel.updated': {
      const known = findChannel(happening.ch)
      if (known) putChannel({ ...known, ...happening.data })
      return
    }
    case 'channel.deleted':
      return part(happening.ch, 'was deleted.')
    case 'member.left':
    case 'member.removed':
    case 'member.banned':
      if (happening.data.user?.id === me.value!.id) part(happening.ch, LAST_WORDS[happening.type])
      return
    case 'member.updated': {
      const known = findChannel(happening.ch)
      if (known && happening.data.user?.id === me.value!.id) putChannel({ ...known, role: happening.data.role })
    }
  }
}

const LAST_WORDS = {
  'member.left': undefined,
  'member.removed': 'is no longer yours: you were taken out of it.',
  'member.banned': 'is closed to you: you were banned from it.',
}

const getChannel = (id: string) => ok(api.GET('/api/v1/channels/{id}', { params: { path: { id } } }))

function part(id: string, why: string | undefined): void {
  const channel = findChannel(id)
  if (channel && !leaving.has(id)) takeOut(id, why && `${channel.name} ${why}`)
}

/** Takes out what has gone unseen, and asks the server why. */
async function partUnseen(id: string): Promise<void> {
  if (!findChannel(id) || leaving.has(id)) return
  const mine = turn
  const why = await getChannel(id).then(
    () => LAST_WORDS['member.removed'],
    (error) =>
      error instanceof Problem && error.code === 'banned'
        ? LAST_WORDS['member.banned']
        : 'is gone: it was deleted, or you were taken out of it.',
  )
  if (mine === turn) part(id, why)
}
