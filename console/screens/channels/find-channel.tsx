import { useState } from 'preact/hooks'
import { api, ok, page } from '../../api/client.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Empty, Failed, Loading } from '../../ui/states.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { usePages } from '../../ui/use-pages.ts'
import type { Channel } from './my-channels.ts'
import type { EntryProps } from './new-channel.tsx'

/** The public channels, to look into or to join. */
export function FindChannel({ onClose, onEnter }: EntryProps) {
  const [words, setWords] = useState('')
  const found = usePages<Channel>(
    (cursor) =>
      page(api.GET('/api/v1/channels', { params: { query: { scope: 'public', q: words || undefined, cursor } } })),
    [words],
  )
  return (
    <Dialog title="Find a channel" onClose={onClose}>
      <input
        type="search"
        aria-label="Words of its name or description"
        placeholder="Words of its name or description"
        onInput={({ currentTarget }) => setWords(currentTarget.value.trim())}
      />
      <ul class="plain-list" aria-busy={found.isLoading}>
        {found.items.map((channel) => (
          <li key={channel.id} class="row">
            <div class="grow">
              <strong>#{channel.name}</strong>
              {channel.description && <div class="quiet">{channel.description}</div>}
            </div>
            <Join channel={channel} onEnter={onEnter} />
          </li>
        ))}
      </ul>
      {found.isLoading && <Loading what="channels" />}
      {found.error !== undefined && <Failed error={found.error} retry={found.reload} />}
      {!found.isLoading && found.error === undefined && found.items.length === 0 && (
        <Empty title="There is no such channel" />
      )}
      {found.hasMore && (
        <button type="button" disabled={found.isLoadingMore} onClick={found.loadMore}>
          Show more
        </button>
      )}
    </Dialog>
  )
}

function Join({ channel, onEnter }: { channel: Channel; onEnter: EntryProps['onEnter'] }) {
  const [isBusy, setBusy] = useState(false)
  if (channel.role) {
    return (
      <button type="button" onClick={() => onEnter(channel)}>
        Open
      </button>
    )
  }
  const join = async () => {
    setBusy(true)
    try {
      onEnter(await ok(api.POST('/api/v1/channels/{id}/join', { params: { path: { id: channel.id } } })))
    } catch (error) {
      tellFault(error)
      setBusy(false)
    }
  }
  return (
    <button type="button" class="primary" disabled={isBusy} onClick={join} aria-label={`Join ${channel.name}`}>
      Join
    </button>
  )
}
