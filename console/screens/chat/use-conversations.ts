import { useCallback, useRef } from 'preact/hooks'
import { api, page } from '../../api/client.ts'
import { type Pages, usePages } from '../../ui/use-pages.ts'
import type { Conversation } from './thread.ts'

/** Which conversations are listed: those that are not archived, pinned ones, archived ones, or those of a project. */
export type Filter = 'all' | 'pinned' | 'archived' | (string & {})

export type Conversations = Pages<Conversation> & {
  /** As it is now: in its place, or in none when the list is of others. */
  show: (conversation: Conversation) => void
  drop: (id: string) => void
}

/** The conversations that fit, last used first. */
export function useConversations(filter: Filter): Conversations {
  const pages = usePages(
    (cursor) =>
      page(api.GET('/api/v1/conversations', { params: { query: { ...queryOf(filter), cursor, limit: 30 } } })),
    [filter],
  )
  // A conversation that is open tells of its changes for as long as it is.
  const now = useRef({ pages, filter })
  now.current = { pages, filter }
  const show = useCallback((changed: Conversation) => {
    const { pages, filter } = now.current
    pages.set((items) => {
      const others = items.filter(({ id }) => id !== changed.id)
      if (!isIn(filter, changed)) return others
      const place = others.findIndex(({ updated_at }) => updated_at <= changed.updated_at)
      // It comes with its page.
      if (place < 0 && pages.hasMore) return others
      return others.toSpliced(place < 0 ? others.length : place, 0, changed)
    })
  }, [])
  const drop = useCallback((id: string) => {
    now.current.pages.set((items) => items.filter((item) => item.id !== id))
  }, [])
  return { ...pages, show, drop }
}

function queryOf(filter: Filter) {
  if (filter === 'all') return {}
  if (filter === 'pinned') return { pinned: 'true' as const }
  return filter === 'archived' ? { archived: 'true' as const } : { project_id: filter }
}

function isIn(filter: Filter, { temporary, archived, pinned, project_id }: Conversation): boolean {
  if (temporary) return false
  if (filter === 'archived') return archived
  return !archived && (filter === 'all' || (filter === 'pinned' ? pinned : project_id === filter))
}
