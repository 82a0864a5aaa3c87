import { me } from '../../api/session.ts'
import { Empty, NotFound } from '../../ui/states.tsx'
import { Parts } from '../../ui/tabs.tsx'
import { Audit } from './audit.tsx'
import { Conversation } from './conversation.tsx'
import { Overview } from './overview.tsx'
import { System } from './system.tsx'
import { User } from './user.tsx'
import { Users } from './users.tsx'
import './admin.css'

const SECTIONS = [
  { path: '/app/admin', name: 'Overview' },
  { path: '/app/admin/users', name: 'Users' },
  { path: '/app/admin/audit', name: 'Audit log' },
  { path: '/app/admin/system', name: 'System' },
]

type Props = { section?: string; id?: string }

/** Running the service, for those whose role it is: who is no administrator, or no longer, sees that and nothing else. */
export function Admin(place: Props) {
  if (me.value?.role !== 'admin') return <NoAdmin />
  const here = place.section ? `/app/admin/${place.section}` : '/app/admin'
  return (
    <div class="page admin">
      <Parts label="Administration" parts={SECTIONS} here={here} />
      <Section {...place} />
    </div>
  )
}

function Section({ section, id }: Props) {
  if (section === undefined) return <Overview />
  if (section === 'users') return id === undefined ? <Users /> : <User key={id} id={id} />
  if (section === 'conversations' && id !== undefined) return <Conversation key={id} id={id} />
  if (section === 'audit') return <Audit />
  return section === 'system' ? <System /> : <NotFound />
}

const NoAdmin = () => (
  <Empty title="This is for administrators">
    <p>Your account is not one. If it should be, ask whoever runs this server.</p>
    <p>
      <a href="/app">Back to the start</a>
    </p>
  </Empty>
)
