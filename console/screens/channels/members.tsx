import { useState } from 'preact/hooks'
import { Empty, Failed, Loading } from '../../ui/states.tsx'
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
  <>
    {members.error !== undefined && <Failed error={members.error} retry={members.reload} />}
    {members.isLoading && members.items.length === 0 && <Loading what="members" />}
    {!members.isLoading && members.items.length === 0 && members.error === undefined && <Empty title="Nobody" />}
    <ul class="plain-list">
      {members.items.map((member) => (
        <MemberRow
          key={member.user.id}
          channel={channel}
          member={member}
          state={attendance.states.value.get(member.user.id)}
          mayModerate={mayModerate}
        />
      ))}
    </ul>
    {members.hasMore && (
      <button type="button" disabled={members.isLoadingMore} onClick={members.loadMore}>
        Show more
      </button>
    )}
  </>
)
