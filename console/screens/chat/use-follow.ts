import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

/** So near to the end it counts as there. */
const END_PX = 48
/** A finger that has moved less is only put down. */
const TOUCH_PX = 8
const UPWARDS = new Set(['ArrowUp', 'PageUp', 'Home'])

/**
 * Keeps the end of what grows in `content` in view of `scroller`, until its reader goes up, and again when they come back. It
 * must be seen that they want to: what grows meanwhile would take them back before they are away.
 */
export function useFollow(scroller: RefObject<HTMLElement | null>, content: RefObject<HTMLElement | null>) {
  const isFollowing = useRef(true)
  const lastOffset = useRef(0)
  const touchedAt = useRef(0)
  const [isAway, setAway] = useState(false)

  const follow = (isWanted: boolean) => {
    isFollowing.current = isWanted
    setAway(!isWanted)
  }
  const stay = () => {
    const { scrollHeight, clientHeight } = scroller.current!
    if (scrollHeight > clientHeight) follow(false)
  }
  const showEnd = () => scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior: 'instant' })

  useEffect(() => {
    const observer = new ResizeObserver(() => isFollowing.current && showEnd())
    observer.observe(scroller.current!)
    observer.observe(content.current!)
    return () => observer.disconnect()
  }, [])

  return {
    isFollowing,
    isAway,
    toEnd: () => {
      follow(true)
      showEnd()
    },
    /** For the scroller. */
    handlers: {
      onScroll: () => {
        const { scrollTop, scrollHeight, clientHeight } = scroller.current!
        const isAtEnd = scrollTop + clientHeight >= scrollHeight - END_PX
        if (scrollTop > lastOffset.current && isAtEnd) follow(true)
        // By the scroll bar.
        else if (scrollTop < lastOffset.current && !isAtEnd) follow(false)
        lastOffset.current = scrollTop
      },
      onWheel: ({ deltaY }: WheelEvent) => deltaY < 0 && stay(),
      onKeyDown: ({ key }: KeyboardEvent) => UPWARDS.has(key) && stay(),
      onTouchStart: ({ touches }: TouchEvent) => {
        touchedAt.current = touches[0]!.clientY
      },
      onTouchMove: ({ touches }: TouchEvent) => touches[0]!.clientY > touchedAt.current + TOUCH_PX && stay(),
    },
  }
}
