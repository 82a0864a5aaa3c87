import { api, page, type Schemas } from '../../api/client.ts'
import { Listed } from '../../ui/listed.tsx'
import { Markdown } from '../../ui/markdown.tsx'
import { Empty } from '../../ui/states.tsx'
import { ExactTime } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'

/** What was said in somebody's conversation: its end first, and earlier pages above when asked for. */
export function Conversation({ id }: { id: string }) {
  const messages = usePages(
    async (cursor) => {
      const params = { path: { id }, query: { cursor } }
      const { items, next } = await page(api.GET('/api/v1/admin/chats/{id}/messages', { params }))
      // A page is in the order in which it was said, and the one after it is earlier.
      return { items: items.toReversed(), next }
    },
    [id],
  )
  return (
    <>
      <h1>Conversation</h1>
      <p class="note">That you have read this is recorded in the audit log.</p>
      <Listed pages={messages} what="messages" by="button-above" empty={<Empty title="Nothing was said" />}>
        {(items) => (
          <ol class="list messages">
            {items.toReversed().map((message) => (
              <Said key={message.id} {...message} />
            ))}
          </ol>
        )}
      </Listed>
    </>
  )
}

const Said = ({ role, model, status, created_at, content, attachments }: Schemas['Message']) => (
  <li class={role}>
    <p class="quiet">
      {role === 'user' ? 'User' : (model ?? 'Model')} · <ExactTime at={created_at} />
      {status !== 'completed' && ` · ${status}`}
    </p>
    <Markdown text={content} />
    {attachments.length > 0 && <p class="quiet">Files: {attachments.map(({ filename }) => filename).join(', ')}</p>}
  </li>
)
