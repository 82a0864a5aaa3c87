import { useEffect, useState } from 'preact/hooks'
import type { Message } from '../../../clients/realtime/frames.ts'
import { me } from '../../api/session.ts'
import { subscribe } from './connection.ts'

const LONGEST = 300
/** Several may come at once: as many stay as are read out. */
const KEPT = 20

/** Tells a screen reader what others say in a channel while it is open, one after the other and without hurry. */
export function Announcements({ channelId }: { channelId: string }) {
  const [messages, setMessages] = useState<Message[]>([])
  useEffect(
    () =>
      subscribe((happening) => {
        if (happening.type !== 'message' || happening.ch !== channelId) return
        const { data } = happening
        if (data.user_id !== me.value?.id) setMessages((before) => [...before, data].slice(-KEPT))
      }),
    [channelId],
  )
  return (
    <div class="visually-hidden" role="log" aria-label="New messages" aria-live="polite">
      {messages.map((message) => (
        <p key={message.id}>{wordsOf(message)}</p>
      ))}
    </div>
  )
}

const wordsOf = ({ user, thread_id, content, attachments }: Message) => {
  const words = content || attachments.map(({ filename }) => filename).join(', ')
  return `${user.display_name}${thread_id ? ', in a thread' : ''}: ${words.slice(0, LONGEST)}`
}
