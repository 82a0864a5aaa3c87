import { useState } from 'preact/hooks'
import { api, ok, page } from '../../api/client.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { useSettled } from '../../ui/use-settled.ts'
import type { Channel } from './my-channels.ts'
import type { EntryProps } from './new-channel.tsx'

/** The public channels, to look into or to join. */
export function FindChannel({ onClose, onEnter }: EntryProps) {
  const [text, setText] = useState('')
  const words = useSettled(text.trim())
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
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <Listed pages={found} what="channels" empty={<Empty title="There is no such channel" />}>
        {(channels) => (
          <ul class="list">
            {channels.map((channel) => (
              <li key={channel.id} class="row">
                <div class="grow">
                  <strong>#{channel.name}</strong>
                  {channel.description && <div class="quiet">{channel.description}</div>}
                </div>
                <Join channel={channel} onEnter={onEnter} />
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </Dialog>
  )
}

function Join({ channel, onEnter }: { channel: Channel; onEnter: EntryProps['onEnter'] }) {
  if (channel.role) {
    return (
      <button type="button" onClick={() => onEnter(channel)}>
        Open
      </button>
    )
  }
  const join = async () =>
    onEnter(await ok(api.POST('/api/v1/channels/{id}/join', { params: { path: { id: channel.id } } })))
  return (
    <AsyncButton class="primary" act={join} aria-label={`Join ${channel.name}`}>
      Join
    </AsyncButton>
  )
}
