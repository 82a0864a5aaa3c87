import { useState } from 'preact/hooks'
import { useRoute } from 'preact-iso'
import { api, ok, type Page, type Schemas } from '../../api/client.ts'
import { Listed } from '../../ui/listed.tsx'
import { Markdown } from '../../ui/markdown.tsx'
import { Time } from '../../ui/time.tsx'
import { useTitle } from '../../ui/title.ts'
import { usePages } from '../../ui/use-pages.ts'
import './shared.css'

type Conversation = Schemas['SharedConversation']
type Message = Conversation['messages'][number]

/** A conversation as it was when somebody shared it: whoever has the link reads it. */
export function Shared() {
  const { token = '' } = useRoute().params
  const [shared, setShared] = useState<Pick<Conversation, 'title' | 'created_at'>>()
  const load = async (cursor: string | undefined): Promise<Page<Message>> => {
    const params = { path: { token }, query: { cursor } }
    const asked = api.GET('/api/v1/shared/{token}', { params })
    const { messages, ...rest } = await ok(asked)
    setShared(rest)
    return { items: messages, next: (await asked).response.headers.get('x-next-cursor') ?? undefined }
  }
  const messages = usePages(load, [token])
  useTitle(shared?.title ?? 'A shared conversation')
  return (
    <main class="page shared">
      <h1>{shared?.title ?? 'A shared conversation'}</h1>
      {shared && (
        <p class="quiet">
          A copy from <Time at={shared.created_at} />. Nobody has checked what it says. <a href="/app">Parley</a>
        </p>
      )}
      <Listed pages={messages} what="messages" empty={<p class="quiet">Nothing was said.</p>}>
        {(items) => (
          <ol class="list">
            {items.map((message) => (
              <Said key={message.place} {...message} />
            ))}
          </ol>
        )}
      </Listed>
    </main>
  )
}

const Said = ({ role, content, model, sources }: Message) => (
  <li>
    <p class="quiet">{role === 'user' ? 'Somebody' : (model ?? 'A model')}</p>
    {role === 'user' ? <p class="words">{content}</p> : <Markdown text={content} />}
    {sources.length > 0 && (
      <ul class="quiet">
        {sources.map(({ url, title }) => (
          <li key={url}>
            {/^https?:/i.test(url) ? (
              <a href={url} target="_blank" rel="noopener noreferrer nofollow">
                {title || url}
              </a>
            ) : (
              title || url
            )}
          </li>
        ))}
      </ul>
    )}
  </li>
)
