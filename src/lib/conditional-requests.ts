/** What is asked of: a strong entity tag with its quotes, the moment of its last change, its length in bytes. */
export type Representation = { etag: string; lastModified: Date; size: number }

/** How to answer: in full, a part (both ends included), that it is unchanged, that a condition failed, or that no such part is. */
export type Verdict = { status: 200 | 304 | 412 | 416 } | { status: 206; first: number; last: number }

/** Judges the preconditions, and of a GET the range, in the order of RFC 9110, section 13.2.2. */
export function judge(method: string, headers: Headers, { etag, lastModified, size }: Representation): Verdict {
  const changedAt = Math.floor(lastModified.getTime() / 1000)
  const since = (name: string) => {
    const at = Date.parse(headers.get(name) ?? '')
    return Number.isNaN(at) ? undefined : at / 1000
  }
  const ifMatch = headers.get('if-match')
  const unmodifiedSince = since('if-unmodified-since')
  if (
    ifMatch !== null ? !names(ifMatch, etag, 'strong') : unmodifiedSince !== undefined && changedAt > unmodifiedSince
  ) {
    return { status: 412 }
  }
  const ifNoneMatch = headers.get('if-none-match')
  const modifiedSince = since('if-modified-since')
  if (
    ifNoneMatch !== null ? names(ifNoneMatch, etag, 'weak') : modifiedSince !== undefined && changedAt <= modifiedSince
  ) {
    return { status: 304 }
  }
  // Ranges are of GET alone (section 14.2).
  if (method !== 'GET') return { status: 200 }
  const ifRange = headers.get('if-range')
  // A date is too coarse to join parts by.
  if (ifRange !== null && ifRange !== etag) return { status: 200 }
  return rangeOf(headers.get('range') ?? '', size)
}

/** Whether a list of entity tags names this one; `*` names any. */
function names(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true
  const tags = list.match(/(?:W\/)?"[^"]*"/g) ?? []
  return tags.some((tag) => (comparison === 'weak' ? tag.replace(/^W\//, '') : tag) === etag)
}

/** One range of bytes (RFC 9110, section 14.1.2). Several, or what is none, ask for everything. */
function rangeOf(header: string, size: number): Verdict {
  const [, from, to] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header) ?? []
  if (from === undefined || (from === '' && to === '')) return { status: 200 }
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (from !== '' && to !== '' && Number(to) < Number(from)) return { status: 200 }
  return first >= size || (from === '' && Number(to) === 0) ? { status: 416 } : { status: 206, first, last }
}
