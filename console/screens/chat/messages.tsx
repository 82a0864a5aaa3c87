import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { Virtualizer } from 'virtua'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Said } from './message.tsx'
import type { Message } from './reply.ts'
import type { Thread } from './thread.ts'
import { useFollow } from './use-follow.ts'

/** Older messages are loaded so far before the beginning. */
const EARLY_PX = 1_500

/**
 * The messages, of which only those in view are elements. It stays at the end while a reply grows, unless its reader has gone
 * up; and where its reader is when older ones come.
 */
export function Messages({ thread }: { thread: Thread }) {
  const scroller = useRef<HTMLElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const messages = thread.messages.value
  const isShifted = useShift(messages)
  const { isFollowing, isAway, toEnd, handlers } = useFollow(scroller, content)
  const onScroll = () => {
    handlers.onScroll()
    if (!isFollowing.current && scroller.current!.scrollTop < EARLY_PX) void thread.loadOlder()
  }

  const saidId = messages.findLast(({ role }) => role === 'user')?.id
  // Who says something wants to see it.
  useLayoutEffect(toEnd, [saidId])
  // A page may be shorter than the window.
  useEffect(() => {
    const { scrollHeight, clientHeight } = scroller.current!
    if (scrollHeight <= clientHeight) void thread.loadOlder()
  }, [messages])

  // While the last one is written it grows, and would push a reader in the middle of it along, were it in the virtual list.
  const before = useMemo(() => messages.slice(0, -1), [messages])
  const last = messages.at(-1)!
  return (
    <div class="messages">
      {thread.isLoadingOlder.value && <p class="older quiet">Loading older messages…</p>}
      <section ref={scroller} aria-label="Messages" tabIndex={0} {...handlers} onScroll={onScroll}>
        <div ref={content}>
          <Virtualizer scrollRef={scroller} data={before} shift={isShifted}>
            {(message: Message) => <Shown key={message.id} thread={thread} message={message} isLast={false} />}
          </Virtualizer>
          <Shown key={last.id} thread={thread} message={last} isLast />
        </div>
      </section>
      {isAway && (
        <button type="button" class="to-end" aria-label="To the newest" onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
    </div>
  )
}

const Shown = (props: { thread: Thread; message: Message; isLast: boolean }) =>
  props.message.role === 'user' ? <Said {...props} /> : <Answer {...props} />

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
