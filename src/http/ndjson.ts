type Options = {
  filename: string
  lines: AsyncIterator<object>
  /** What the last line says besides its type; without it, how many lines there were before. */
  end?: () => object
  /** Is told when it broke off, which the client sees by an `error` in the place of the `end`. */
  failed: (error: unknown) => void
}

/** Text that is gathered before it is sent, in characters. */
const CHUNK = 64 * 1024

/**
 * A download of JSON documents, one per line. It is made as fast as it is read. The last line is of the type `end` or
 * `error`: a file without the first is not whole.
 */
export function ndjson({ filename, lines, end, failed }: Options): Response {
  const encoder = new TextEncoder()
  let count = 0

  /** The next lines, and whether they are the last. */
  async function gather(): Promise<{ text: string; done: boolean }> {
    let text = ''
    try {
      while (text.length < CHUNK) {
        const { value, done } = await lines.next()
        if (done) return { text: `${text}${JSON.stringify({ type: 'end', ...(end?.() ?? { lines: count }) })}\n`, done }
        text += `${JSON.stringify(value)}\n`
        count += 1
      }
      return { text, done: false }
    } catch (error) {
      failed(error)
      return { text: `${text}${JSON.stringify({ type: 'error', detail: 'This broke off: try again' })}\n`, done: true }
    }
  }

  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { text, done } = await gather()
      controller.enqueue(encoder.encode(text))
      if (done) controller.close()
    },
    async cancel() {
      await lines.return?.()
    },
  })
  return new Response(stream, {
    headers: {
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-disposition': `attachment; filename="${filename}"`,
    },
  })
}
