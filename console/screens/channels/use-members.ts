import { api, page } from '../../api/client.ts'
import { type Pages, usePages } from '../../ui/use-pages.ts'
import { type Member, membersAfter } from './membership.ts'
import { useHappenings } from './use-happenings.ts'

/** Who is in a channel, by pages, kept as the events tell. */
export function useMembers(id: string): Pages<Member> {
  const members = usePages<Member>(
    (cursor) =>
      page(api.GET('/api/v1/channels/{id}/members', { params: { path: { id }, query: { limit: 100, cursor } } })),
    [id],
  )
  useHappenings(id, (happening) => 'seq' in happening && members.set((items) => membersAfter(items, happening)))
  return members
}
