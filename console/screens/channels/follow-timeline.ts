import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { ChannelEvent } from '../../../clients/realtime/client.ts'
import { api, ok } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { connection, subscribe } from './connection.ts'
import { loadHistory, loadReplies } from './history.ts'
import { type HistoryPage, joinTimelines, startTimeline, type Timeline, withEvent } from './timeline.ts'

export type Followed = ReturnType<typeof followTimeline>

/** The timeline of a channel, or of a thread in it, for as long as the screen shows it. */
export function useTimeline(channelId: string, threadId: string | null): Followed {
  const followed = useMemo(() => followTimeline(channelId, threadId), [channelId, threadId])
  useEffect(followed.follow, [followed])
  return followed
}

function followTimeline(channelId: string, threadId: string | null) {
  const timeline = signal<Timeline | undefined>(undefined)
  const error = signal<unknown>(undefined)
  const isLoading = signal(true)
  /** What has happened since a page was asked for: it may not be in it. */
  let since: ChannelEvent[] = []
  let turn = 0
  /** What failed last. */
  let failed = load

  async function ask(
    again: () => Promise<void>,
    load: () => Promise<HistoryPage>,
    use: (page: Timeline) => Timeline,
  ): Promise<void> {
    const mine = ++turn
    since = []
    isLoading.value = true
    const answer = await load().then(
      (page) => ({ page }),
      (failure: unknown) => ({ failure }),
    )
    if (mine !== turn) return
    isLoading.value = false
    error.value = 'failure' in answer ? answer.failure : undefined
    if ('failure' in answer) {
      failed = again
      return
    }
    timeline.value = use(since.reduce(take, startTimeline(threadId, answer.page)))
    catchUp()
  }

  function load(): Promise<void> {
    return ask(
      load,
      () => firstPage(channelId, threadId),
      (page) => page,
    )
  }

  async function loadMore(): Promise<void> {
    const next = timeline.value?.next
    if (next === undefined || isLoading.value) return
    await ask(
      loadMore,
      () => (threadId === null ? loadHistory(channelId, next) : loadReplies(channelId, threadId, next)),
      (page) => joinTimelines(timeline.value!, page),
    )
  }

  /** What the connection has given already will not come again: where it is ahead, all is loaded anew. */
  function catchUp(): void {
    const there = connection().positions()[channelId]
    if (timeline.value && there && there.seq > timeline.value.seq && !isLoading.value) load()
  }

  const take = (now: Timeline, event: ChannelEvent): Timeline =>
    event.seq === now.seq + 1 ? withEvent(now, event, me.value!.id) : now

  function follow(): () => void {
    const unsubscribe = subscribe((happening) => {
      if (happening.type === 'open') catchUp()
      else if (!('ch' in happening) || happening.ch !== channelId) return
      else if (happening.type === 'reset' || happening.type === 'channel.added') load()
      else if ('seq' in happening) {
        if (isLoading.value) since.push(happening)
        if (timeline.value) timeline.value = take(timeline.value, happening)
      }
    })
    load()
    return () => {
      turn++
      unsubscribe()
    }
  }

  return { channelId, threadId, timeline, error, isLoading, loadMore, retry: () => failed(), follow }
}

async function firstPage(channelId: string, threadId: string | null): Promise<HistoryPage> {
  if (threadId === null) return loadHistory(channelId)
  const path = { id: channelId, message_id: threadId }
  const [root, replies] = await Promise.all([
    ok(api.GET('/api/v1/channels/{id}/messages/{message_id}', { params: { path } })),
    loadReplies(channelId, threadId),
  ])
  return { ...replies, messages: [root, ...replies.messages] }
}
