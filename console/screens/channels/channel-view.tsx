import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { api, ok } from '../../api/client.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Loaded } from '../../ui/loaded.tsx'
import { Empty, Loading } from '../../ui/states.tsx'
import { useTitle } from '../../ui/title.ts'
import { useLoad } from '../../ui/use-load.ts'
import { Announcements } from './announcements.tsx'
import { useAttendance } from './attendance.ts'
import { Attendants, Writers, whoWrites } from './attendants.tsx'
import { Composer } from './composer.tsx'
import { useTimeline } from './follow-timeline.ts'
import { Members } from './members.tsx'
import { MessageList } from './message-list.tsx'
import { type Channel, channels, channelsError, partings, putChannel } from './my-channels.ts'
import { Pins } from './pins.tsx'
import { Settings } from './settings.tsx'
import { ThreadPanel } from './thread-panel.tsx'
import { useMembers } from './use-members.ts'

/** The channel of this id: one of the user's, or a public one to look into. */
export function ChannelView({ id }: { id: string }) {
  const mine = channels.value?.items.find((channel) => channel.id === id)
  const parting = partings.value.get(id)
  if (parting) {
    return (
      <Empty title={parting}>
        <p>
          <a href="/app/channels">Back to the channels</a>
        </p>
      </Empty>
    )
  }
  if (!channels.value && channelsError.value === undefined) return <Loading what="the channel" />
  return mine ? <OpenChannel channel={mine} /> : <OtherChannel id={id} />
}

function OtherChannel({ id }: { id: string }) {
  const channel = useLoad(() => ok(api.GET('/api/v1/channels/{id}', { params: { path: { id } } })), [id])
  return (
    <Loaded of={channel} what="the channel">
      {(channel) => <OpenChannel channel={channel} />}
    </Loaded>
  )
}

type Panel = { kind: 'thread'; rootId: string } | { kind: 'members' | 'pins' | 'settings' }

function OpenChannel({ channel }: { channel: Channel }) {
  const [panel, setPanel] = useState<Panel>()
  const followed = useTimeline(channel.id, null)
  const attendance = useAttendance(channel.id)
  const members = useMembers(channel.id)
  useTitle(channel.name ?? undefined)
  const close = () => setPanel(undefined)
  const toggle = (kind: 'members' | 'pins' | 'settings') =>
    setPanel((now) => (now?.kind === kind ? undefined : { kind }))
  return (
    <div class="channel-and-panel">
      <div class="channel-body">
        <header class="channel-head">
          <a class="button plain back" href="/app/channels" aria-label="Back to the list">
            <Icon name="back" />
          </a>
          <div class="grow">
            <h2>
              {channel.kind === 'channel' && '#'}
              {channel.name}
            </h2>
            {channel.description && <p class="quiet">{channel.description}</p>}
          </div>
          <Attendants attendance={attendance} />
          <nav class="row" aria-label="About this channel">
            <PanelButton name="Members" panel={panel} kind="members" toggle={toggle} />
            <PanelButton name="Pins" panel={panel} kind="pins" toggle={toggle} />
            {channel.kind === 'channel' && channel.role && (
              <PanelButton name="Settings" panel={panel} kind="settings" toggle={toggle} />
            )}
          </nav>
        </header>
        <MessageList
          channel={channel}
          followed={followed}
          onThread={(rootId) => setPanel({ kind: 'thread', rootId })}
          whoWritesIn={(threadId) => whoWrites({ attendance, members: members.items, threadId })}
          isWatched
        />
        <Writers attendance={attendance} members={members.items} threadId={null} />
        <Announcements channelId={channel.id} />
        {channel.role ? <Composer channel={channel} threadId={null} /> : <JoinBar channel={channel} />}
      </div>
      {panel && (
        <aside class="panel" aria-label="Beside the channel">
          {panel.kind === 'thread' && (
            <ThreadPanel
              key={panel.rootId}
              channel={channel}
              rootId={panel.rootId}
              attendance={attendance}
              members={members.items}
              onClose={close}
            />
          )}
          {panel.kind === 'members' && (
            <Members channel={channel} members={members} attendance={attendance} onClose={close} />
          )}
          {panel.kind === 'pins' && <Pins channel={channel} onClose={close} />}
          {panel.kind === 'settings' && <Settings channel={channel} onClose={close} />}
        </aside>
      )}
    </div>
  )
}

type PanelButtonProps = {
  name: string
  kind: 'members' | 'pins' | 'settings'
  panel: Panel | undefined
  toggle: (kind: 'members' | 'pins' | 'settings') => void
}

const PanelButton = ({ name, kind, panel, toggle }: PanelButtonProps) => (
  <button type="button" aria-pressed={panel?.kind === kind} onClick={() => toggle(kind)}>
    {name}
  </button>
)

function JoinBar({ channel }: { channel: Channel }) {
  const { route } = useLocation()
  const join = async () => {
    putChannel(await ok(api.POST('/api/v1/channels/{id}/join', { params: { path: { id: channel.id } } })))
    route(`/app/channels/${channel.id}`, true)
  }
  return (
    <p class="join-bar">
      You are looking in; nothing new is shown before you join.
      <AsyncButton class="primary" act={join}>
        Join
      </AsyncButton>
    </p>
  )
}
