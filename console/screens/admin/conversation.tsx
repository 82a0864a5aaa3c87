import { api, page, type Schemas } from '../../api/client.ts'
import { Markdown } from '../../ui/markdown.tsx'
import { Empty, Failed, Loading } from '../../ui/states.tsx'
import { ExactTime } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'

/** What was said in somebody's conversation: its end first, and earlier pages above when asked for. */
export function Conversation({ id }: { id: string }) {
  const { items, error, isLoading, reload, hasMore, isLoadingMore, loadMore } = usePages(
    async (cursor) => {
      const params = { path: { id }, query: { cursor } }
      const { items, next } = await page(api.GET('/api/v1/admin/chats/{id}/messages', { params }))
      // A page is in the order in which it was said, and the one after it is earlier.
      return { items: items.toReversed(), next }
    },
    [id],
  )
  const hasNone = items.length === 0
  return (
    <>
      <h1>Conversation</h1>
      <p class="note">That you have read this is recorded in the audit log.</p>
      {error !== undefined && <Failed error={error} retry={hasNone ? reload : loadMore} />}
      {hasNone && isLoading && <Loading what="the messages" />}
      {hasNone && !isLoading && error === undefined && <Empty title="Nothing was said" />}
      {hasMore && (
        <p class="more">
          <button type="button" disabled={isLoadingMore} onClick={loadMore}>
            {isLoadingMore && <span class="spinner" aria-hidden="true" />} Show earlier messages
          </button>
        </p>
      )}
      <ol class="entries messages">
        {items.toReversed().map((message) => (
          <Said key={message.id} {...message} />
        ))}
      </ol>
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
