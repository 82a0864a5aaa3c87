import { useEffect } from 'preact/hooks'
import { useRoute } from 'preact-iso'
import { Empty } from '../../ui/states.tsx'
import { ChannelList } from './channel-list.tsx'
import { ChannelView } from './channel-view.tsx'
import { connection } from './connection.ts'
import { ConnectionLine } from './connection-line.tsx'
import { loadChannels } from './my-channels.ts'
import './channels.css'

/** Talking with others: one's channels beside the one that is open. */
export function Channels() {
  const { id } = useRoute().params
  useEffect(() => {
    connection()
    loadChannels()
  }, [])
  return (
    <div class={id ? 'channels is-open' : 'channels'}>
      <ChannelList openId={id} />
      <section class="channel" aria-label="Channel">
        <ConnectionLine />
        {id ? (
          <ChannelView key={id} id={id} />
        ) : (
          <Empty title="No channel is open">
            <p>Choose one of the list, find a public one, or make your own.</p>
          </Empty>
        )}
      </section>
    </div>
  )
}
