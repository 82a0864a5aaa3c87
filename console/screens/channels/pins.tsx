import { api, ok } from '../../api/client.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Empty } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { useLoad } from '../../ui/use-load.ts'
import { Said } from './mentions.tsx'
import type { Channel } from './my-channels.ts'
import { PanelHead } from './panel-head.tsx'
import { useHappenings } from './use-happenings.ts'

/** The pinned messages, at most fifty, the newest pin first. */
export function Pins({ channel, onClose }: { channel: Channel; onClose: () => void }) {
  const pins = useLoad(
    () => ok(api.GET('/api/v1/channels/{id}/pins', { params: { path: { id: channel.id } } })),
    [channel.id],
  )
  useHappenings(channel.id, ({ type }) => type.startsWith('pin.') && pins.reload())
  return (
    <>
      <PanelHead title="Pins" onClose={onClose} />
      <div class="scrolls">
        <Loaded of={pins} what="pins">
          {(messages) =>
            messages.length === 0 ? (
              <Empty title="Nothing is pinned">
                <p>Owners and moderators pin a message by its actions.</p>
              </Empty>
            ) : (
              <ul class="list">
                {messages.map((message) => (
                  <li key={message.id}>
                    <strong>{message.user.display_name}</strong>{' '}
                    <span class="quiet">
                      <Time at={message.created_at} />
                    </span>
                    <Said text={message.content ?? ''} />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </div>
    </>
  )
}
