/** Bounds of a JSON value. JSON.parse has none of its own. */
const MAX_DEPTH = 32
export const MAX_NODES = 10_000

/** What is wrong with a parsed JSON value, at which JSON pointer; `undefined` when nothing is. */
export type ShapeFault = { pointer: string; detail: string }

/**
 * Walks a parsed value once: depth, number of keys and elements, the key `__proto__`, and text that cannot be
 * stored or sent as it came (NUL, lone surrogates).
 */
export function shapeFault(value: unknown, maxNodes = MAX_NODES): ShapeFault | undefined {
  let nodes = 0
  const visit = (node: unknown, pointer: string, depth: number): ShapeFault | undefined => {
    if (typeof node === 'string') return textFault(node, pointer)
    if (node === null || typeof node !== 'object') return undefined
    if (depth > MAX_DEPTH) return { pointer, detail: `Nested more than ${MAX_DEPTH} levels deep` }
    const entries = Object.entries(node)
    nodes += entries.length
    if (nodes > maxNodes) return { pointer, detail: `More than ${maxNodes} keys and elements` }
    for (const [key, child] of entries) {
      // A rejected key is not repeated in the answer, only known pointers are.
      if (key === '__proto__' || textFault(key, pointer)) return { pointer, detail: 'A key is not allowed' }
      const fault = visit(child, `${pointer}/${escapePointer(key).slice(0, 100)}`.slice(0, 500), depth + 1)
      if (fault) return fault
    }
    return undefined
  }
  return visit(value, '', 1)
}

const textFault = (text: string, pointer: string): ShapeFault | undefined =>
  text.includes('\0') || !text.isWellFormed()
    ? { pointer, detail: 'Text must be valid Unicode without NUL characters' }
    : undefined

/** RFC 6901, section 3. */
export const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')
