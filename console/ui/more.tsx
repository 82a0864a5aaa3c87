import { useEffect, useRef } from 'preact/hooks'
import { Failed } from './states.tsx'
import type { Pages } from './use-pages.ts'

/** The end of a list: the next page is loaded as it comes near. Says what kept one from coming. */
export function More<T>({ pages }: { pages: Pages<T> }) {
  const end = useRef<HTMLDivElement>(null)
  const now = useRef(pages)
  now.current = pages
  const isWanted = pages.hasMore && !pages.isLoadingMore && !pages.error
  useEffect(() => {
    if (!isWanted) return
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void now.current.loadMore(), {
      rootMargin: '400px',
    })
    observer.observe(end.current!)
    return () => observer.disconnect()
  }, [isWanted, pages.items.length])
  if (pages.error) {
    const retry = pages.items.length > 0 ? pages.loadMore : pages.reload
    return <Failed error={pages.error} retry={() => void retry()} />
  }
  return (
    <div ref={end} class="more" role="status">
      {pages.isLoadingMore && <span class="spinner" role="img" aria-label="Loading more" />}
    </div>
  )
}
