import { me } from '../../api/session.ts'
import type { Attendance } from './attendance.ts'
import type { Member } from './membership.ts'

/** How many are there. */
export function Attendants({ attendance }: { attendance: Attendance }) {
  const count = attendance.count.value ?? attendance.states.value.size
  return count > 0 ? <span class="quiet attendants">{count} here</span> : null
}

type WritersProps = { attendance: Attendance; members: Member[]; threadId: string | null }

/** Says who is writing at the moment. */
export const Writers = (props: WritersProps) => (
  <p class="writers quiet" role="status">
    {whoWrites(props)}
  </p>
)

/** Who is writing in a thread, or in the channel itself; a chatbot while it makes its answer. Empty when nobody is. */
export function whoWrites({ attendance, members, threadId }: WritersProps): string {
  const others = attendance.writing.value.filter((one) => one.userId !== me.value?.id && one.threadId === threadId)
  const names = others.map(
    ({ userId }) => members.find(({ user }) => user.id === userId)?.user.display_name ?? 'Somebody',
  )
  const [first, second, ...rest] = names
  const who = rest.length > 0 ? 'Several people are' : second ? `${first} and ${second} are` : `${first} is`
  return first ? `${who} writing…` : ''
}
