import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { VList, type VListHandle } from 'virtua'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Said } from './message.tsx'
import type { Message } from './reply.ts'
import type { Thread } from './thread.ts'

/** So near to the end it counts as there, and older messages are loaded so far before the beginning. */
const END_PX = 48
const EARLY_PX = 1_500

/**
 * The messages, of which only those in view are elements. It stays at the end while a reply grows, unless its reader has gone
 * up; and where its reader is when older ones come.
 */
export function Messages({ thread }: { thread: Thread }) {
  const list = useRef<VListHandle>(null)
  const messages = thread.messages.value
  const isFollowing = useRef(true)
  const lastOffset = useRef(0)
  const [isAway, setAway] = useState(false)
  const isShifted = useShift(messages)

  const toEnd = () => list.current?.scrollToIndex(messages.length - 1, { align: 'end' })
  const follow = (isWanted: boolean) => {
    isFollowing.current = isWanted
    setAway(!isWanted)
  }
  const onScroll = (offset: number) => {
    const { scrollSize, viewportSize } = list.current!
    if (offset + viewportSize >= scrollSize - END_PX) follow(true)
    // Only upwards: growing text moves the end away from a reader who stays.
    else if (offset < lastOffset.current - 2) follow(false)
    lastOffset.current = offset
    if (!isFollowing.current && offset < EARLY_PX) void thread.loadOlder()
  }
  const goToEnd = () => {
    follow(true)
    toEnd()
  }
  const onResize = () => isFollowing.current && toEnd()

  const saidId = messages.findLast(({ role }) => role === 'user')?.id
  useLayoutEffect(() => {
    // Who says something wants to see it.
    goToEnd()
  }, [thread, saidId])
  // A page may be shorter than the window.
  useEffect(() => {
    const { scrollSize = 0, viewportSize = 0 } = list.current ?? {}
    if (scrollSize <= viewportSize) void thread.loadOlder()
  }, [messages])

  return (
    <div class="messages">
      {thread.isLoadingOlder.value && <p class="older quiet">Loading older messages…</p>}
      <VList
        ref={list}
        data={messages}
        shift={isShifted}
        onScroll={onScroll}
        onResize={onResize}
        tabIndex={0}
        role="region"
        aria-label="Messages"
      >
        {(message: Message, at: number) => {
          const Shown = message.role === 'user' ? Said : Answer
          return <Shown key={message.id} thread={thread} message={message} isLast={at === messages.length - 1} />
        }}
      </VList>
      {isAway && (
        <button type="button" class="to-end" aria-label="To the newest" onClick={goToEnd}>
          <Icon name="down" />
        </button>
      )}
    </div>
  )
}

/** True in a rendering that has more messages at its beginning than the one before. */
function useShift(messages: Message[]): boolean {
  const before = useRef<Message[]>([])
  const wasFirst = before.current[0]?.id
  const isShifted = wasFirst !== undefined && messages.findIndex(({ id }) => id === wasFirst) > 0
  useLayoutEffect(() => {
    before.current = messages
  }, [messages])
  return isShifted
}
