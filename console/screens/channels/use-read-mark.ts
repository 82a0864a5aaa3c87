import { useEffect, useState } from 'preact/hooks'
import { connection, link } from './connection.ts'
import { markRead, unread } from './my-channels.ts'

/** Channels whose mark did not arrive: it is set again as soon as anything of this changes. */
const lost = new Set<string>()

/** Marks a channel as read whenever there is something unread in it and somebody looks: its end in sight, the window in front. */
export function useReadMark(channelId: string, isEndInSight: boolean): void {
  const isFocused = useWindowFocus()
  const isUnread = (unread.value.get(channelId)?.unread ?? 0) > 0
  const isOpen = link.value?.state === 'open'
  useEffect(() => {
    const seq = connection().positions()[channelId]?.seq
    const isWanted = isUnread || lost.has(channelId)
    if (!isEndInSight || !isFocused || !isWanted || !isOpen || seq === undefined) return
    markRead(channelId, seq)
    lost.delete(channelId)
    connection()
      .request('read', { channel_id: channelId, seq })
      .catch(() => lost.add(channelId))
  }, [channelId, isEndInSight, isFocused, isUnread, isOpen])
}

function useWindowFocus(): boolean {
  const [isFocused, setFocused] = useState(() => document.hasFocus())
  useEffect(() => {
    const look = () => setFocused(document.hasFocus())
    for (const type of ['focus', 'blur']) addEventListener(type, look)
    return () => {
      for (const type of ['focus', 'blur']) removeEventListener(type, look)
    }
  }, [])
  return isFocused
}
