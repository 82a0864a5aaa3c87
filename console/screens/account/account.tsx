import { useRoute } from 'preact-iso'
import { me } from '../../api/session.ts'
import { Parts } from '../../ui/tabs.tsx'
import { Deletion } from './deletion.tsx'
import { Export } from './export.tsx'
import { Password } from './password.tsx'
import { Plans } from './plans.tsx'
import { Profile } from './profile.tsx'
import { Sessions } from './sessions.tsx'
import { SharedLinks } from './shared-links.tsx'
import { Usage } from './usage.tsx'
import './account.css'

const PARTS = [
  { path: '/app/account', name: 'Profile' },
  { path: '/app/account/usage', name: 'Usage and plan' },
  { path: '/app/account/security', name: 'Security' },
  { path: '/app/account/data', name: 'Your data' },
]

/** Who one is, what one used, where one is signed in, and the way out. */
export function Account() {
  const { part } = useRoute().params
  return (
    <div class="page account">
      <h1>Account</h1>
      <Parts label="Parts of the account" parts={PARTS} />
      {part === undefined && <Profile />}
      {part === 'usage' && (
        <>
          {/* Another plan has other limits. */}
          <Usage key={me.value?.plan} />
          <Plans />
        </>
      )}
      {part === 'security' && (
        <>
          <Password />
          <Sessions />
        </>
      )}
      {part === 'data' && (
        <>
          <SharedLinks />
          <Export />
          <Deletion />
        </>
      )}
    </div>
  )
}
