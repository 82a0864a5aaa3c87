/** R2 takes no smaller parts but the last, and all others of one length. One is held in memory at a time. */
export const PART_BYTES = 5 * 1024 * 1024
const FIRST_BYTES = 64 * 1024

/**
 * Cuts bytes, in whatever chunks they come, into parts of PART_BYTES; the last may be shorter, and is empty when there are no
 * bytes at all. A part is only valid until the next is asked for.
 */
export async function* inParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let buffer = new Uint8Array(FIRST_BYTES)
  let filled = 0
  let isAny = false
  for await (const chunk of source) {
    for (let rest = chunk; rest.length > 0; ) {
      if (filled === buffer.length) buffer = grown(buffer)
      const taken = rest.subarray(0, buffer.length - filled)
      buffer.set(taken, filled)
      filled += taken.length
      rest = rest.subarray(taken.length)
      if (filled < PART_BYTES) continue
      yield buffer
      isAny = true
      filled = 0
    }
  }
  if (filled > 0 || !isAny) yield buffer.subarray(0, filled)
}

function grown(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(buffer.length * 4, PART_BYTES))
  larger.set(buffer)
  return larger
}
