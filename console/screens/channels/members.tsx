import { useState } from 'preact/hooks'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import type { Pages } from '../../ui/use-pages.ts'
import { AddMember } from './add-member.tsx'
import type { Attendance } from './attendance.ts'
import { Banned } from './banned.tsx'
import { Invites } from './invites.tsx'
import { MemberRow } from './member-row.tsx'
import type { Member } from './membership.ts'
import type { Channel } from './my-channels.ts'
import { PanelHead } from './panel-head.tsx'

type Props = { channel: Channel; members: Pages<Member>; attendance: Attendance; onClose: () => void }

const PARTS = { members: 'Members', invites: 'Invitations', banned: 'Banned' }
type Part = keyof typeof PARTS

/** Who is in a channel; for who moderates it also who may come in, and who may not. */
export function Members({ channel, members, attendance, onClose }: Props) {
  const [part, setPart] = useState<Part>('members')
  const mayModerate = channel.kind === 'channel' && (channel.role === 'owner' || channel.role === 'moderator')
  return (
    <>
      <PanelHead title="Members" onClose={onClose} />
      {mayModerate && (
        <nav class="row parts" aria-label="Parts of this panel">
          {Object.entries(PARTS).map(([key, name]) => (
            <button key={key} type="button" aria-pressed={part === key} onClick={() => setPart(key as Part)}>
              {name}
            </button>
          ))}
        </nav>
      )}
      <div class="scrolls">
        {part === 'members' && (
          <>
            {mayModerate && <AddMember channelId={channel.id} />}
            <List {...{ channel, members, attendance, mayModerate }} />
          </>
        )}
        {mayModerate && part === 'invites' && <Invites channelId={channel.id} />}
        {mayModerate && part === 'banned' && <Banned channelId={channel.id} />}
      </div>
    </>
  )
}

type ListProps = Omit<Props, 'onClose'> & { mayModerate: boolean }

const List = ({ channel, members, attendance, mayModerate }: ListProps) => (
  <Listed pages={members} what="members" empty={<Empty title="Nobody" />}>
    {(items) => (
      <ul class="list">
        {items.map((member) => (
          <MemberRow
            key={member.user.id}
            channel={channel}
            member={member}
            state={attendance.states.value.get(member.user.id)}
            mayModerate={mayModerate}
          />
        ))}
      </ul>
    )}
  </Listed>
)
