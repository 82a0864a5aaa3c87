export type SseEvent = { id?: string; event: string; data: string }

/**
 * Reads server-sent events (WHATWG HTML, section 9.2.6). `id` is that of the frame itself; comments and `retry` are left
 * out, as is a frame that the connection cut in half. Leaving the loop early closes the connection.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SseEvent> {
  let frame: Partial<SseEvent> = {}
  for await (const line of readLines(body)) {
    if (line !== '') addField(frame, line)
    else {
      if (frame.data !== undefined) yield { ...frame, event: frame.event || 'message', data: frame.data }
      frame = {}
    }
  }
}

function addField(frame: Partial<SseEvent>, line: string): void {
  const [name, value] = split(line)
  if (name === 'data') frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`
  else if (name === 'event') frame.event = value
  else if (name === 'id' && !value.includes('\0')) frame.id = value
}

function split(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  return [line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)]
}

async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  // Also drops a byte order mark, and keeps the parts of a character that two chunks share.
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    // A CR at the end may be the first half of CR LF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop()!
    yield* lines
  }
}
