import { useState } from 'preact/hooks'
import { Icon } from '../../ui/icon.tsx'
import { ExactTime } from '../../ui/time.tsx'
import { ConversationDialog } from './conversation-dialog.tsx'
import type { Thread } from './thread.ts'

/** On a phone the list is another view. */
export const BackToList = () => (
  <a class="button back" href="/app/chat" aria-label="All conversations">
    <Icon name="back" />
  </a>
)

/** What the conversation is called, and the way to all that can be done with it. */
export function Header({ thread, onDelete }: { thread: Thread; onDelete: () => void }) {
  const [isOpen, setOpen] = useState(false)
  const conversation = thread.conversation.value
  return (
    <header>
      <BackToList />
      <h1>{conversation?.title ?? 'Conversation'}</h1>
      {conversation?.expires_at && (
        <span class="quiet">
          Temporary, until <ExactTime at={conversation.expires_at} />
        </span>
      )}
      {conversation && (
        <button type="button" class="plain" aria-label="Settings of the conversation" onClick={() => setOpen(true)}>
          <Icon name="more" />
        </button>
      )}
      {isOpen && <ConversationDialog thread={thread} onClose={() => setOpen(false)} onDelete={onDelete} />}
    </header>
  )
}
