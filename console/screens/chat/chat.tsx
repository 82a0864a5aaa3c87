import { useMemo, useRef, useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import { ConversationView } from './conversation.tsx'
import type { Words } from './draft.ts'
import { NewConversation } from './new-conversation.tsx'
import { Sidebar } from './sidebar.tsx'
import type { Conversation } from './thread.ts'
import { type Filter, useConversations } from './use-conversations.ts'
import './chat.css'

/** Conversations with a model: the list beside the one that is open. On a phone, one or the other. */
export function Chat() {
  const { route } = useLocation()
  const { params, query } = useRoute()
  const id = params.id === 'new' ? undefined : params.id
  const [filter, setFilter] = useState<Filter>('all')
  const conversations = useConversations(filter)
  // What is said first in a conversation that was just made.
  const first = useRef<{ id: string; words: Words } | undefined>(undefined)
  const begin = (conversation: Conversation, words: Words) => {
    conversations.show(conversation)
    first.current = { id: conversation.id, words }
    route(`/app/chat/${conversation.id}`, true)
  }
  const takeFirst = (): Words | undefined => {
    const words = first.current?.id === id ? first.current?.words : undefined
    first.current = undefined
    return words
  }
  const project = useMemo(() => (isProject(filter) ? filter : undefined), [filter])
  return (
    <div class={params.id ? 'chat has-open' : 'chat'}>
      <Sidebar conversations={conversations} filter={filter} onFilter={setFilter} openId={id} />
      {id ? (
        <ConversationView
          key={`${id} ${query.at}`}
          id={id}
          at={query.at}
          takeFirst={takeFirst}
          onChange={conversations.show}
          onDelete={() => {
            conversations.drop(id)
            route('/app/chat', true)
          }}
        />
      ) : (
        <NewConversation key={project} projectId={project} onBegin={begin} />
      )}
    </div>
  )
}

const isProject = (filter: Filter) => !['all', 'pinned', 'archived'].includes(filter)
