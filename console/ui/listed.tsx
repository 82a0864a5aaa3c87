import type { ComponentChildren } from 'preact'
import { Failed, Loading } from './states.tsx'
import type { Pages } from './use-pages.ts'

type Props<T> = {
  pages: Pages<T>
  /** What they are, in the plural. */
  what: string
  /** What stands there when there are none. */
  empty: ComponentChildren
  children: (items: T[]) => ComponentChildren
}

/** A list by pages in each of its states: it loads, failed, is empty, has more, has ended. */
export function Listed<T>({ pages, what, empty, children }: Props<T>): ComponentChildren {
  const { items, error, isLoading, hasMore, isLoadingMore, loadMore, reload } = pages
  if (items.length === 0) {
    if (error !== undefined) return <Failed error={error} retry={reload} />
    return isLoading ? <Loading what={what} /> : empty
  }
  return (
    <>
      {children(items)}
      {error !== undefined && <Failed error={error} retry={hasMore ? loadMore : reload} />}
      {hasMore && error === undefined && (
        <p class="end">
          <button type="button" disabled={isLoadingMore} onClick={loadMore}>
            {isLoadingMore && <span class="spinner" aria-hidden="true" />} Show more {what}
          </button>
        </p>
      )}
      {!hasMore && items.length > PAGE && <p class="end quiet">These are all {what}.</p>}
    </>
  )
}

/** Rows of a page, unless more are asked for. */
const PAGE = 20
