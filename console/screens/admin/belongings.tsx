import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { api, page } from '../../api/client.ts'
import { Listed } from '../../ui/listed.tsx'
import { Time } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'

/** What is not looked at by the way, as the audit log names who has looked. */
export function Recorded({ title, children }: { title: string; children: ComponentChildren }) {
  const [isShown, setIsShown] = useState(false)
  return (
    <section class="part">
      <h2>{title}</h2>
      <p class="quiet">To look at them is recorded in the audit log, with your name.</p>
      {isShown ? (
        children
      ) : (
        <button type="button" onClick={() => setIsShown(true)}>
          Show the {title.toLowerCase()}
        </button>
      )}
    </section>
  )
}

/** A user's conversations, last used first. */
export function ConversationsOf({ userId }: { userId: string }) {
  const pages = usePages(
    (cursor) => {
      const params = { path: { id: userId }, query: { cursor } }
      return page(api.GET('/api/v1/admin/users/{id}/chats', { params }))
    },
    [userId],
  )
  return (
    <Listed pages={pages} what="conversations" empty={<p>There is none.</p>}>
      {(conversations) => (
        <ul class="list">
          {conversations.map(({ id, title, updated_at }) => (
            <li key={id} class="row">
              <a class="grow" href={`/app/admin/conversations/${id}`}>
                {title ?? 'Without a title'}
              </a>
              <span class="quiet">
                <Time at={updated_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Listed>
  )
}

/** A user's chatbots, as they are set up. */
export function ChatbotsOf({ userId }: { userId: string }) {
  const pages = usePages(
    (cursor) => {
      const params = { path: { id: userId }, query: { cursor } }
      return page(api.GET('/api/v1/users/{id}/chatbots', { params }))
    },
    [userId],
  )
  return (
    <Listed pages={pages} what="chatbots" empty={<p>There is none.</p>}>
      {(chatbots) => (
        <ul class="list">
          {chatbots.map((chatbot) => (
            <li key={chatbot.id}>
              <b>{chatbot.name}</b> {chatbot.handle && <span class="quiet">@{chatbot.handle}</span>}
              <p class="quiet">
                {[chatbot.model, chatbot.llm_endpoint_url ?? 'a model of this server', `version ${chatbot.version}`]
                  .filter(Boolean)
                  .join(' · ')}
              </p>
              {chatbot.instructions && <p class="words">{chatbot.instructions}</p>}
            </li>
          ))}
        </ul>
      )}
    </Listed>
  )
}
