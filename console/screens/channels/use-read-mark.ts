import { useEffect, useState } from 'preact/hooks'
import { connection, link } from './connection.ts'
import { markRead, unread } from './my-channels.ts'

/** Marks a channel as read whenever there is something unread in it and somebody looks: its end in sight, the window in front. */
export function useReadMark(channelId: string, isEndInSight: boolean): void {
  const isFocused = useWindowFocus()
  const isUnread = (unread.value.get(channelId)?.unread ?? 0) > 0
  const isOpen = link.value?.state === 'open'
  useEffect(() => {
    const seq = connection().positions()[channelId]?.seq
    if (!isEndInSight || !isFocused || !isUnread || !isOpen || seq === undefined) return
    markRead(channelId, seq)
    // It only rises, and a later one says as much: that one was lost matters to nobody.
    connection()
      .request('read', { channel_id: channelId, seq })
      .catch(() => {})
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
