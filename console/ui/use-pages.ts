import { useRef, useState } from 'preact/hooks'
import type { Page } from '../api/client.ts'
import { type Load, useLoad } from './use-load.ts'

export type Pages<T> = Omit<Load<Page<T>>, 'data' | 'set'> & {
  items: T[]
  hasMore: boolean
  isLoadingMore: boolean
  loadMore: () => Promise<void>
  set: (change: (items: T[]) => T[]) => void
}

/** A list by its pages: the first when the screen opens or one of `inputs` changes, the others when asked for. */
export function usePages<T>(
  load: (cursor: string | undefined) => Promise<Page<T>>,
  inputs: readonly unknown[],
): Pages<T> {
  const [more, setMore] = useState<{ isLoading: boolean; error?: unknown }>({ isLoading: false })
  const turn = useRef(0)
  const first = () => {
    turn.current++
    // What kept a page from coming says nothing of what is loaded now.
    setMore({ isLoading: false })
    return load(undefined)
  }
  const { data, error, isLoading, reload, set } = useLoad(first, inputs)
  return {
    items: data?.items ?? [],
    error: error ?? more.error,
    isLoading,
    reload,
    hasMore: data?.next !== undefined,
    isLoadingMore: more.isLoading,
    async loadMore() {
      if (data?.next === undefined || more.isLoading) return
      const mine = turn.current
      setMore({ isLoading: true })
      try {
        const { items, next } = await load(data.next)
        // Meanwhile another list may be loaded, or the same one anew from its start.
        if (mine !== turn.current) return
        set((now) => (now.next === data.next ? { items: [...now.items, ...items], next } : now))
        setMore({ isLoading: false })
      } catch (error) {
        if (mine === turn.current) setMore({ isLoading: false, error })
      }
    },
    set: (change) => set((now) => ({ ...now, items: change(now.items) })),
  }
}
