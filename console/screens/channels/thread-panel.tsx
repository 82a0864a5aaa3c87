import { AsyncButton } from '../../ui/async-button.tsx'
import type { Attendance } from './attendance.ts'
import { Writers } from './attendants.tsx'
import { Composer } from './composer.tsx'
import { useTimeline } from './follow-timeline.ts'
import type { Member } from './membership.ts'
import { MessageList } from './message-list.tsx'
import type { Channel } from './my-channels.ts'
import { PanelHead } from './panel-head.tsx'

type Props = {
  channel: Channel
  rootId: string
  attendance: Attendance
  members: Member[]
  onClose: () => void
}

/** The replies to one message, beside the channel. */
export function ThreadPanel({ channel, rootId, attendance, members, onClose }: Props) {
  const followed = useTimeline(channel.id, rootId)
  const hasMore = followed.timeline.value?.next !== undefined
  return (
    <>
      <PanelHead title="Thread" onClose={onClose} />
      <MessageList channel={channel} followed={followed} />
      {hasMore && (
        <AsyncButton class="plain" act={followed.loadMore}>
          Show more replies
        </AsyncButton>
      )}
      <Writers attendance={attendance} members={members} threadId={rootId} />
      {channel.role && <Composer channel={channel} threadId={rootId} />}
    </>
  )
}
