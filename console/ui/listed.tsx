import type { ComponentChildren } from 'preact'
import { AsyncButton } from './async-button.tsx'
import { More } from './more.tsx'
import { Failed, Loading } from './states.tsx'
import type { Pages } from './use-pages.ts'

type Props<T> = {
  pages: Pages<T>
  /** What they are, in the plural. */
  what: string
  /** What stands there when there are none. */
  empty: ComponentChildren
  /** How the next page comes: by a button, by itself as one scrolls, or by a button above, where the list goes back in time. */
  by?: 'button' | 'scrolling' | 'button-above'
  children: (items: T[]) => ComponentChildren
}

/** A list by pages in each of its states: it loads, failed, is empty, has more, has ended. */
export function Listed<T>({ pages, what, empty, by = 'button', children }: Props<T>): ComponentChildren {
  const { items, error, isLoading, hasMore, loadMore, reload } = pages
  if (items.length === 0 && !hasMore) {
    if (error !== undefined) return <Failed error={error} retry={reload} />
    return isLoading ? <Loading what={what} /> : empty
  }
  if (by === 'scrolling') {
    return (
      <>
        {children(items)}
        <More pages={pages} />
      </>
    )
  }
  const more = (
    <>
      {error !== undefined && <Failed error={error} retry={hasMore ? loadMore : reload} />}
      {hasMore && error === undefined && (
        <p class="end">
          <AsyncButton act={loadMore}>{by === 'button' ? `Show more ${what}` : `Show earlier ${what}`}</AsyncButton>
        </p>
      )}
    </>
  )
  return (
    <>
      {by === 'button-above' && more}
      {children(items)}
      {by === 'button' && more}
      {by === 'button' && !hasMore && items.length > PAGE && <p class="end quiet">These are all {what}.</p>}
    </>
  )
}

/** Rows of a page, unless more are asked for. */
const PAGE = 20
