import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { VList, type VListHandle } from 'virtua'
import { me } from '../../api/session.ts'
import { Failed, Loading } from '../../ui/states.tsx'
import type { Followed } from './follow-timeline.ts'
import { type Doing, Message } from './message.tsx'
import type { Channel } from './my-channels.ts'
import { unread } from './my-channels.ts'
import { type Outgoing, pendingOf } from './outgoing.ts'
import { Pending } from './pending.tsx'
import { rowsOf, type UnreadSpan } from './rows.ts'
import type { Entry } from './timeline.ts'
import { useReadMark } from './use-read-mark.ts'

type Props = {
  channel: Channel
  followed: Followed
  /** Of a thread's own list there is none. */
  onThread?: (rootId: string) => void
  whoWritesIn?: (threadId: string) => string
  /** What is seen here counts as read. */
  isWatched?: boolean
}

const NEAR_TOP = 400
const NEAR_BOTTOM = 24

/** The messages of a timeline: of any number only those are drawn that are in sight. */
export function MessageList({ channel, followed, onThread, whoWritesIn, isWatched = false }: Props) {
  const timeline = followed.timeline.value
  const error = followed.error.value
  if (!timeline) {
    return (
      <div class="messages">
        {error !== undefined ? <Failed error={error} retry={followed.retry} /> : <Loading what="messages" />}
      </div>
    )
  }
  const pending = pendingOf(channel.id, timeline)
  return <Rows {...{ channel, followed, onThread, whoWritesIn, isWatched, pending }} entries={timeline.entries} />
}

type RowsProps = Props & { entries: readonly Entry[]; pending: readonly Outgoing[] }

function Rows({ channel, followed, onThread, whoWritesIn, isWatched, entries, pending }: RowsProps) {
  const list = useRef<VListHandle>(null)
  const offset = useRef(0)
  const [isAtBottom, setAtBottom] = useState(true)
  const [active, setActive] = useState<{ id: string; doing: Doing }>()
  // What was new when the channel was opened stays marked as new.
  const [fresh] = useState(() => unreadNow(followed))
  const isChannel = followed.threadId === null
  const next = followed.timeline.value!.next
  const hasMore = next !== undefined
  const rows = useMemo(() => rowsOf(entries, fresh), [entries])
  const items = [...rows, ...pending]
  const first = entries[0]?.message.id
  const shownFirst = useRef(first)
  // Older ones came in above: what is looked at stays in its place.
  const isShifted = shownFirst.current !== first && entries.some(({ message }) => message.id === shownFirst.current)
  useReadMark(channel.id, isWatched === true && isAtBottom)

  const toBottom = () => list.current?.scrollToIndex(items.length - 1, { align: 'end' })
  const look = () => {
    const at = list.current
    if (!at) return
    // What comes in below takes nobody away from the end: only who scrolls up leaves it.
    const end = at.scrollSize - at.viewportSize
    const isScrolledUp = at.scrollOffset < offset.current
    if (end - at.scrollOffset <= NEAR_BOTTOM) setAtBottom(true)
    else if (isScrolledUp) setAtBottom(false)
    offset.current = at.scrollOffset
    // A list that has just been drawn is on its way to its end.
    const isNearTop = (isAtBottom && !isScrolledUp ? end : at.scrollOffset) < NEAR_TOP
    if (isChannel && hasMore && isNearTop && followed.error.value === undefined) followed.loadMore()
  }
  // A page of replies alone changes no row, and nothing is scrolled by it.
  useEffect(look, [next, followed.isLoading.value])
  const last = items.length > 0 && keyOf(items.at(-1)!)
  const isOwn = pending.length > 0
  useLayoutEffect(() => {
    shownFirst.current = first
    if (isAtBottom || isOwn) toBottom()
  }, [last, items.length])
  const grown = () => {
    if (isAtBottom) toBottom()
    look()
  }

  const activeAt = rows.findIndex(({ entry }) => entry.message.id === active?.id)
  return (
    <div class="messages">
      {followed.isLoading.value && (
        <p class="loading-more" role="status">
          <span class="spinner" aria-hidden="true" /> Loading older messages…
        </p>
      )}
      {followed.error.value !== undefined && <Failed error={followed.error.value} retry={followed.retry} />}
      {items.length === 0 && !hasMore && <p class="state">Nothing was said here yet.</p>}
      <VList
        ref={list}
        data={items}
        shift={isShifted}
        onScroll={look}
        onResize={grown}
        keepMounted={activeAt === -1 ? undefined : [activeAt]}
        class="message-rows"
        role="region"
        aria-label={isChannel ? 'Messages' : 'Messages of the thread'}
        tabIndex={0}
      >
        {(item: (typeof items)[number]) =>
          'nonce' in item ? (
            <Pending key={item.nonce} message={item} />
          ) : (
            <Message
              key={item.entry.message.id}
              channel={channel}
              row={item}
              isStart={isChannel && !hasMore && item === rows[0]}
              onThread={onThread}
              writing={whoWritesIn?.(item.entry.message.id) ?? ''}
              doing={item.entry.message.id === active?.id ? active.doing : undefined}
              setDoing={(doing) => setActive(doing && { id: item.entry.message.id, doing })}
            />
          )
        }
      </VList>
      {!isAtBottom && (
        <button type="button" class="to-bottom" onClick={toBottom}>
          To the newest
        </button>
      )}
    </div>
  )
}

function unreadNow({ channelId, threadId, timeline }: Followed): UnreadSpan | undefined {
  const counted = unread.value.get(channelId)
  if (threadId !== null || !counted?.unread) return undefined
  return { after: counted.read_seq, upTo: timeline.value!.seq, me: me.value!.id }
}

const keyOf = (item: ReturnType<typeof rowsOf>[number] | Outgoing) =>
  'nonce' in item ? item.nonce : item.entry.message.id
