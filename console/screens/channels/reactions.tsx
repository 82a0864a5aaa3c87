import type { Message } from '../../../clients/realtime/frames.ts'
import { tellFault } from '../../ui/toasts.tsx'
import { connection } from './connection.ts'

/** Gives a reaction, or takes one's own back. */
export function toggleReaction({ id, channel_id, reactions }: Message, emoji: string): void {
  const isMine = reactions.some((one) => one.emoji === emoji && one.me)
  connection()
    .request(isMine ? 'reaction.remove' : 'reaction.add', { channel_id, message_id: id, emoji })
    .catch(tellFault)
}

/** The reactions to a message; `isFixed` for who may only look. */
export function Reactions({ message, isFixed }: { message: Message; isFixed: boolean }) {
  if (message.reactions.length === 0) return null
  return (
    <div class="reactions">
      {message.reactions.map(({ emoji, count, me: isMine = false }) => (
        <button
          key={emoji}
          type="button"
          aria-pressed={isMine}
          aria-label={`${emoji}, ${count}${isMine ? ', also yours' : ''}`}
          disabled={isFixed}
          onClick={() => toggleReaction(message, emoji)}
        >
          {emoji} {count}
        </button>
      ))}
    </div>
  )
}
