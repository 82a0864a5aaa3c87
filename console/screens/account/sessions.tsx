import { api, ok, page, type Schemas } from '../../api/client.ts'
import { confirm } from '../../ui/dialog.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Time } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { deviceOf } from './device-of.ts'

type Session = Schemas['Session']

/** Where the user is signed in. */
export function Sessions() {
  const sessions = usePages((cursor) => page(api.GET('/api/v1/auth/sessions', { params: { query: { cursor } } })), [])
  const askToEnd = ({ id, device }: Session) =>
    confirm({
      title: 'Sign out this device?',
      text: `${deviceOf(device)} has to sign in again, with the password.`,
      action: 'Sign it out',
      act: async () => {
        await ok(api.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id } } }))
        sessions.set((items) => items.filter((session) => session.id !== id))
      },
    })
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">Signed in on</h2>
      <Listed pages={sessions} what="devices" empty={null}>
        {(items) => (
          <ul class="list">
            {items.map((session) => (
              <li key={session.id} class="row">
                <div class="grow">
                  {deviceOf(session.device)}
                  <p class="quiet">
                    Since <Time at={session.created_at} />, last used <Time at={session.last_used_at} />
                  </p>
                </div>
                {session.current ? (
                  <span class="mark good">This device</span>
                ) : (
                  <button
                    type="button"
                    aria-label={`Sign out ${deviceOf(session.device)}`}
                    onClick={() => askToEnd(session)}
                  >
                    Sign out
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </section>
  )
}
