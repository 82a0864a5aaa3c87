import { useEffect, useState } from 'preact/hooks'
import { api, ok, page, type Schemas } from '../../api/client.ts'
import { Empty, Failed, Loading } from '../../ui/states.tsx'
import { tell, tellFault } from '../../ui/toasts.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { subscribe } from './connection.ts'

/** Who is banned from a channel, the oldest ban first. */
export function Banned({ channelId }: { channelId: string }) {
  const banned = usePages<Schemas['BannedUser']>(
    (cursor) =>
      page(api.GET('/api/v1/channels/{id}/banned-users', { params: { path: { id: channelId }, query: { cursor } } })),
    [channelId],
  )
  useEffect(
    () =>
      subscribe((happening) => {
        if (!('ch' in happening) || happening.ch !== channelId) return
        if (happening.type === 'member.banned' || happening.type === 'member.unbanned') banned.reload()
      }),
    [channelId],
  )
  return (
    <>
      {banned.error !== undefined && <Failed error={banned.error} retry={banned.reload} />}
      {banned.isLoading && banned.items.length === 0 && <Loading what="bans" />}
      {!banned.isLoading && banned.error === undefined && banned.items.length === 0 && (
        <Empty title="Nobody is banned" />
      )}
      <ul class="plain-list">
        {banned.items.map((user) => (
          <li key={user.id} class="row">
            <div class="grow">
              <strong>{user.display_name}</strong> {user.username && <span class="quiet">@{user.username}</span>}
            </div>
            {user.username && <Unban channelId={channelId} username={user.username} />}
          </li>
        ))}
      </ul>
      {banned.hasMore && (
        <button type="button" disabled={banned.isLoadingMore} onClick={banned.loadMore}>
          Show more
        </button>
      )}
    </>
  )
}

function Unban({ channelId, username }: { channelId: string; username: string }) {
  const [isBusy, setBusy] = useState(false)
  const unban = async () => {
    setBusy(true)
    const params = { path: { id: channelId, username } }
    try {
      await ok(api.POST('/api/v1/channels/{id}/unban-by-username/{username}', { params }))
      tell(`${username} may come in again`)
    } catch (error) {
      tellFault(error)
    }
    setBusy(false)
  }
  return (
    <button type="button" disabled={isBusy} onClick={unban} aria-label={`Lift the ban of ${username}`}>
      Lift
    </button>
  )
}
