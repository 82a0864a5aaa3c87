import { UpstreamFault } from './provider.ts'

const MAX_EVENT_BYTES = 1024 * 1024

/** Lets so many bytes through, and ends there. */
export const cutAfter = (maxBytes: number): TransformStream<Uint8Array, Uint8Array> => {
  let left = maxBytes
  return new TransformStream({
    transform(chunk, controller) {
      if (left > 0) controller.enqueue(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0) controller.terminate()
    },
  })
}

/** The package keeps all that comes, comments too, until an event with data ends with an empty line. */
export function boundedEvents(): TransformStream<Uint8Array, Uint8Array> {
  let eventBytes = 0
  let lineBytes = 0
  let isData = true
  let hasData = false
  return new TransformStream({
    transform(chunk, controller) {
      for (const byte of chunk) {
        eventBytes += 1
        if (byte === LF) {
          if (lineBytes >= DATA.length && isData) hasData = true
          if (lineBytes === 0 && hasData) {
            eventBytes = 0
            hasData = false
          }
          lineBytes = 0
          isData = true
        } else if (byte !== CR) {
          if (lineBytes < DATA.length && byte !== DATA[lineBytes]) isData = false
          lineBytes += 1
        }
      }
      if (eventBytes > MAX_EVENT_BYTES) throw new UpstreamFault('upstream_garbled', 'same')
      controller.enqueue(chunk)
    },
  })
}

const DATA = new TextEncoder().encode('data')
const LF = 0x0a
const CR = 0x0d
