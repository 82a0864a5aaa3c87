import type { Source } from './run-events.ts'

const MAX_SOURCES = 20

/** Those known, then the others; each address once. */
export function mergeSources(known: Source[], more: Source[]): Source[] {
  const urls = new Set(known.map(({ url }) => url))
  const fresh = more.filter(({ url }) => !urls.has(url) && urls.add(url))
  return [...known, ...fresh].slice(0, MAX_SOURCES)
}
