import { useEffect, useState } from 'preact/hooks'
import type { Message } from '../../../clients/realtime/frames.ts'
import { me } from '../../api/session.ts'
import { subscribe } from './connection.ts'

const LONGEST = 300

/** Tells a screen reader what others say in a channel while it is open, one after the other and without hurry. */
export function Announcements({ channelId }: { channelId: string }) {
  const [message, setMessage] = useState<Message>()
  useEffect(
    () =>
      subscribe((happening) => {
        if (happening.type !== 'message' || happening.ch !== channelId) return
        if (happening.data.user_id !== me.value?.id) setMessage(happening.data)
      }),
    [channelId],
  )
  return (
    <div class="visually-hidden" role="log" aria-label="New messages" aria-live="polite">
      {/* The same words twice are two messages. */}
      {message && <p key={message.seq}>{wordsOf(message)}</p>}
    </div>
  )
}

const wordsOf = ({ user, thread_id, content, attachments }: Message) => {
  const words = content || attachments.map(({ filename }) => filename).join(', ')
  return `${user.display_name}${thread_id ? ', in a thread' : ''}: ${words.slice(0, LONGEST)}`
}
