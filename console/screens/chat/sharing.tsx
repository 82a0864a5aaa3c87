import { useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Copy } from '../../ui/copy.tsx'
import { Icon } from '../../ui/icon.tsx'
import { tell } from '../../ui/toasts.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'

type Share = { id: string; url: string }

/** A link to a copy of the conversation as it is now, made when it is asked for. */
export function Sharing({ conversationId }: { conversationId: string }) {
  const [share, setShare] = useState<Share>()
  const once = useIdempotency()
  const make = () =>
    once({}, async (header) => {
      const params = { path: { id: conversationId }, header }
      const made = await ok(api.POST('/api/v1/conversations/{id}/shares', { params, body: {} }))
      setShare({ id: made.id, url: new URL(made.url, location.origin).href })
    })
  const revoke = async ({ id }: Share) => {
    await ok(api.DELETE('/api/v1/shares/{id}', { params: { path: { id } } }))
    setShare(undefined)
    tell('The link is good no more')
  }
  if (!share) {
    return (
      <AsyncButton class="share" act={make}>
        <Icon name="share" /> Share what was said so far
      </AsyncButton>
    )
  }
  return (
    <div class="row share">
      <input readOnly aria-label="Link" value={share.url} onFocus={({ currentTarget }) => currentTarget.select()} />
      <Copy text={share.url} what="the link" />
      <AsyncButton act={() => revoke(share)}>Revoke</AsyncButton>
    </div>
  )
}
