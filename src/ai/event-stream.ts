import { UpstreamFault } from './provider.ts'

const MAX_EVENT_BYTES = 1024 * 1024
/** A lone CR ends a line too; one at the end of what has come may be the first half of CRLF. */
const LINE_END = /\r\n|\n|\r(?!$)/

/**
 * The data of server-sent events (WHATWG HTML, section 9.2.6), in the groups in which they come: whatever came by one read is
 * there at once. What is not ended by an empty line is no event. The body is let go when nobody reads on.
 * @throws UpstreamFault `upstream_garbled` when more than 1 MiB comes without an event, comments included
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      bytes += value.byteLength
      const lines = (rest + decoder.decode(value, { stream: true })).split(LINE_END)
      rest = lines.pop()!
      const events: string[] = []
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
        else if (line === '' && data.length > 0) {
          events.push(data.join('\n'))
          data = []
          bytes = rest.length
        }
      }
      if (bytes > MAX_EVENT_BYTES) throw new UpstreamFault('upstream_garbled', 'same')
      if (events.length > 0) yield events
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
