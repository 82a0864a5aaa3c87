import { useMemo, useRef, useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import { ConversationView } from './conversation.tsx'
import { NewConversation } from './new-conversation.tsx'
import { Sidebar } from './sidebar.tsx'
import { type Filter, useConversations } from './use-conversations.ts'
import './chat.css'

/** Conversations with a model: the list beside the one that is open. On a phone, one or the other. */
export function Chat() {
  const { route } = useLocation()
  const { params, query } = useRoute()
  const id = params.id === 'new' ? undefined : params.id
  const [filter, setFilter] = useState<Filter>('all')
  const conversations = useConversations(filter)
  // The conversation that was just made, until it is open.
  const made = useRef<string | undefined>(undefined)
  const begin = (id: string) => {
    made.current = id
    route(`/app/chat/${id}`, true)
  }
  const takeNew = () => {
    const isNew = made.current === id
    made.current = undefined
    return isNew
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
          takeNew={takeNew}
          onChange={conversations.show}
          onDelete={() => {
            conversations.drop(id)
            route('/app/chat', true)
          }}
        />
      ) : (
        <NewConversation key={project} projectId={project} onMake={conversations.show} onBegin={begin} />
      )}
    </div>
  )
}

const isProject = (filter: Filter) => !['all', 'pinned', 'archived'].includes(filter)
