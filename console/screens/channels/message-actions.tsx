import type { Message } from '../../../clients/realtime/frames.ts'
import { api, ok } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { confirm } from '../../ui/dialog.tsx'
import { Icon } from '../../ui/icon.tsx'
import { connection } from './connection.ts'
import type { Channel } from './my-channels.ts'
import { toggleReaction } from './reactions.tsx'

type Props = {
  channel: Channel
  message: Message
  onThread: ((rootId: string) => void) | undefined
  onEdit: () => void
  onDone: () => void
}

const EMOJI = ['👍', '❤️', '😂', '🎉', '👀', '✅']

/** What can be done with a message. */
export function MessageActions({ channel, message, onThread, onEdit, onDone }: Props) {
  const isMine = message.user_id === me.value!.id
  const mayModerate = channel.role === 'owner' || channel.role === 'moderator'
  const react = (emoji: string) => {
    toggleReaction(message, emoji)
    onDone()
  }
  return (
    <div
      class="message-actions"
      role="toolbar"
      aria-label={`Actions for message ${message.seq}`}
      onKeyDown={({ key }) => key === 'Escape' && onDone()}
    >
      {EMOJI.map((emoji) => (
        <button key={emoji} type="button" class="plain" aria-label={`React with ${emoji}`} onClick={() => react(emoji)}>
          {emoji}
        </button>
      ))}
      <OtherEmoji onReact={react} />
      {onThread && (
        <button type="button" class="plain" onClick={() => onThread(message.id)}>
          <Icon name="reply" /> Reply in thread
        </button>
      )}
      {mayModerate && <Pin message={message} onDone={onDone} />}
      {isMine && (
        <button type="button" class="plain" onClick={onEdit}>
          <Icon name="edit" /> Edit
        </button>
      )}
      {(isMine || mayModerate) && (
        <button type="button" class="plain" onClick={() => askToDelete(message, onDone)}>
          <Icon name="remove" /> Delete
        </button>
      )}
    </div>
  )
}

const OtherEmoji = ({ onReact }: { onReact: (emoji: string) => void }) => (
  <form
    onSubmit={(event) => {
      event.preventDefault()
      const emoji = String(new FormData(event.currentTarget).get('emoji')).trim()
      if (emoji) onReact(emoji)
    }}
  >
    <input name="emoji" class="emoji" maxLength={32} aria-label="Another emoji, or :name:" placeholder=":name:" />
  </form>
)

function Pin({ message, onDone }: { message: Message; onDone: () => void }) {
  const pin = async () => {
    const params = { path: { id: message.channel_id, message_id: message.id } }
    const path = '/api/v1/channels/{id}/pins/{message_id}'
    await ok(message.pinned ? api.DELETE(path, { params }) : api.PUT(path, { params }))
    onDone()
  }
  return (
    <AsyncButton class="plain" act={pin}>
      {message.pinned ? 'Take the pin away' : 'Pin'}
    </AsyncButton>
  )
}

function askToDelete({ id, channel_id }: Message, onDone: () => void): void {
  confirm({
    title: 'Delete this message?',
    text: 'Its place stays, empty, for everybody. It cannot be undone.',
    action: 'Delete the message',
    async act() {
      await connection().request('message.delete', { channel_id, message_id: id })
      onDone()
    },
  })
}
