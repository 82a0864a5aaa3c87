import { UpstreamFault } from './provider.ts'

const MAX_EVENT_BYTES = 1024 * 1024
/** A lone CR ends a line too; one at the end of what has come may be the first half of CRLF. */
const LINE_END = /\r\n|\n|\r(?!$)/

/**
 * The data of server-sent events (WHATWG HTML, section 9.2.6), in the groups in which they come: whatever came by one read is
 * there at once. What is not ended by an empty line, or has no data, is no event. The body is let go when nobody reads on.
 * @throws UpstreamFault `upstream_garbled` when more than 1 MiB comes without an event, comments included
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  // Of the line that is not at its end: a long one may come in many pieces, and is put together once.
  let parts: string[] = []
  let data: string[] = []
  let bytes = 0
  const take = (lines: string[]): string[] => {
    const events: string[] = []
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      if (line !== '') continue
      const event = data.join('\n')
      data = []
      if (event !== '') events.push(event)
    }
    return events
  }
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) {
        // What was held back as the first half of CRLF was all of it.
        const events = parts.at(-1)?.endsWith('\r') ? take([parts.join('').slice(0, -1)]) : []
        if (events.length > 0) yield events
        return
      }
      bytes += value.byteLength
      const text = decoder.decode(value, { stream: true })
      const isEnded = /[\r\n]/.test(text) || parts.at(-1)?.endsWith('\r') === true
      if (text !== '') parts.push(text)
      const lines = isEnded ? parts.join('').split(LINE_END) : []
      if (isEnded) parts = [lines.pop()!]
      const events = take(lines)
      if (events.length > 0) bytes = parts.join('').length
      if (bytes > MAX_EVENT_BYTES) throw new UpstreamFault('upstream_garbled', 'same')
      if (events.length > 0) yield events
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
