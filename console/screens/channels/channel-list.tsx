import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Empty, Failed, Loading } from '../../ui/states.tsx'
import { FindChannel } from './find-channel.tsx'
import {
  type Channel,
  channels,
  channelsError,
  loadChannels,
  loadMoreChannels,
  partings,
  putChannel,
  unread,
} from './my-channels.ts'
import { AcceptInvite, NewChannel, NewDirectChannel } from './new-channel.tsx'

const DIALOGS = { find: FindChannel, make: NewChannel, direct: NewDirectChannel, invite: AcceptInvite }

/** The user's channels with what is unread in them, and the ways to get more. */
export function ChannelList({ openId }: { openId: string | undefined }) {
  const { route } = useLocation()
  const [dialog, setDialog] = useState<keyof typeof DIALOGS>()
  const Opened = dialog && DIALOGS[dialog]
  const enter = (channel: Channel) => {
    putChannel(channel)
    setDialog(undefined)
    route(`/app/channels/${channel.id}`)
  }
  const items = channels.value?.items
  return (
    <aside class="channel-list" aria-label="Channels">
      <header>
        <h1 class="title">Channels</h1>
        <button type="button" class="way" onClick={() => setDialog('find')}>
          <Icon name="search" /> Find
        </button>
        <button type="button" class="way" onClick={() => setDialog('make')}>
          <Icon name="add" /> New
        </button>
      </header>
      <Partings openId={openId} />
      {channelsError.value !== undefined && <Failed error={channelsError.value} retry={loadChannels} />}
      {!items && channelsError.value === undefined && <Loading what="channels" />}
      {items?.length === 0 && (
        <Empty title="You are in no channel">
          <p>Find a public one, or make your own.</p>
        </Empty>
      )}
      <Group title="Channels" items={items?.filter(({ kind }) => kind === 'channel')} openId={openId} />
      <Group title="Direct messages" items={items?.filter(({ kind }) => kind === 'direct')} openId={openId} />
      {channels.value?.next && (
        <AsyncButton class="plain" act={loadMoreChannels}>
          Show older channels
        </AsyncButton>
      )}
      <footer>
        <button type="button" class="way" onClick={() => setDialog('direct')}>
          <Icon name="person" /> Write to somebody
        </button>
        <button type="button" class="way" onClick={() => setDialog('invite')}>
          <Icon name="forth" /> Use an invitation
        </button>
      </footer>
      {Opened && <Opened onClose={() => setDialog(undefined)} onEnter={enter} />}
    </aside>
  )
}

function Group({ title, items, openId }: { title: string; items: Channel[] | undefined; openId: string | undefined }) {
  if (!items?.length) return null
  return (
    <nav aria-label={title}>
      <h2 class="group-title">{title}</h2>
      <ul>
        {items.map((channel) => (
          <li key={channel.id}>
            <Entry channel={channel} isOpen={channel.id === openId} />
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Entry({ channel, isOpen }: { channel: Channel; isOpen: boolean }) {
  const { unread: count = 0, unread_mentions: mentions = 0 } = unread.value.get(channel.id) ?? {}
  return (
    <a
      href={`/app/channels/${channel.id}`}
      aria-current={isOpen ? 'page' : undefined}
      class={count > 0 ? 'channel-link fresh' : 'channel-link'}
    >
      <Icon name={channel.kind === 'direct' ? 'person' : 'channel'} />
      <span class="name">{channel.name}</span>
      {mentions > 0 && (
        <span class="mark accent">
          @{upTo99(mentions)}
          <span class="visually-hidden"> mentions of you</span>
        </span>
      )}
      {count > 0 && (
        <span class="mark">
          {upTo99(count)}
          <span class="visually-hidden"> unread</span>
        </span>
      )}
    </a>
  )
}

/** The server counts to a hundred. */
const upTo99 = (count: number) => (count > 99 ? '99+' : count)

/** Which channels have gone, and why; of the one that was open it is said in its place. */
const Partings = ({ openId }: { openId: string | undefined }) => (
  <div role="status">
    {[...partings.value]
      .filter(([id]) => id !== openId)
      .map(([id, why]) => (
        <p key={id} class="parting">
          {why}
          <button type="button" class="plain" aria-label="Dismiss" onClick={() => forget(id)}>
            ×
          </button>
        </p>
      ))}
  </div>
)

function forget(id: string): void {
  partings.value = new Map([...partings.value].filter(([key]) => key !== id))
}
