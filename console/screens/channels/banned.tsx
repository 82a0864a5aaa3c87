import { api, ok, page, type Schemas } from '../../api/client.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { tell } from '../../ui/toasts.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { useHappenings } from './use-happenings.ts'

/** Who is banned from a channel, the oldest ban first. */
export function Banned({ channelId }: { channelId: string }) {
  const banned = usePages<Schemas['BannedUser']>(
    (cursor) =>
      page(api.GET('/api/v1/channels/{id}/banned-users', { params: { path: { id: channelId }, query: { cursor } } })),
    [channelId],
  )
  useHappenings(channelId, ({ type }) => {
    if (type === 'member.banned' || type === 'member.unbanned') banned.reload()
  })
  return (
    <Listed pages={banned} what="bans" empty={<Empty title="Nobody is banned" />}>
      {(users) => (
        <ul class="list">
          {users.map((user) => (
            <li key={user.id} class="row">
              <div class="grow">
                <strong>{user.display_name}</strong> {user.username && <span class="quiet">@{user.username}</span>}
                {user.reason && <p class="quiet">{user.reason}</p>}
              </div>
              {user.username && <Unban channelId={channelId} username={user.username} />}
            </li>
          ))}
        </ul>
      )}
    </Listed>
  )
}

function Unban({ channelId, username }: { channelId: string; username: string }) {
  const unban = async () => {
    const params = { path: { id: channelId, username } }
    await ok(api.POST('/api/v1/channels/{id}/unban-by-username/{username}', { params }))
    tell(`${username} may come in again`)
  }
  return (
    <AsyncButton act={unban} aria-label={`Lift the ban of ${username}`}>
      Lift
    </AsyncButton>
  )
}
