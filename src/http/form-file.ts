import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { AppError, invalid } from './errors.ts'

const MAX_PARTS = 10
/** What a form may have around the file: other fields, headers, and what stands before and after all parts. */
const MAX_OTHER_BYTES = 1024 * 1024

/** The one file of a form, as it comes in. The name is the client's. */
export type FormFile = { name: string; content: AsyncGenerator<Uint8Array> }

/**
 * Finds the part `file` of a multipart/form-data body (RFC 7578) and gives its bytes while they arrive: no more of them is
 * held than came at once. What follows the file is read to its end, so that a body that breaks off there is none.
 * @throws AppError `bad_request` for what is no such body, `validation_failed` when it has no file, or two, `too_large` when
 *   it has much besides
 */
export async function openFormFile(contentType: string, body: AsyncIterable<Uint8Array>): Promise<FormFile> {
  const events = eventsOf(contentType, body)
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw invalid([{ pointer: '/file', detail: 'Send a file in the field "file"' }])
    if ('name' in value) return { name: value.name, content: contentOf(events) }
  }
}

type Event = { name: string } | { chunk: Uint8Array }

async function* contentOf(events: AsyncGenerator<Event>): AsyncGenerator<Uint8Array> {
  for await (const event of events) {
    if ('name' in event) throw invalid([{ pointer: '/file', detail: 'Send one file at a time' }])
    yield event.chunk
  }
}

async function* eventsOf(contentType: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Event> {
  const found: Event[] = []
  let fileBytes = 0
  let bodyBytes = 0
  const parser = openParser(contentType)
  const failed = new Promise<never>((_, fail) => {
    parser.on('error', (cause) => fail(new AppError('bad_request', 'This is not a whole multipart form', { cause })))
    parser.on('partsLimit', () => fail(invalid([{ pointer: '', detail: `A form may have ${MAX_PARTS} parts` }])))
    parser.on('file', (field, stream, name) => {
      if (field !== 'file') fail(invalid([{ pointer: '/file', detail: 'The file belongs into the field "file"' }]))
      found.push({ name })
      // The parser tells of it as well.
      stream.on('error', () => {})
      stream.on('data', (chunk: Uint8Array) => {
        fileBytes += chunk.length
        found.push({ chunk })
      })
    })
  })
  failed.catch(() => {})
  const ended = new Promise<void>((resolve) => parser.on('finish', resolve))
  for await (const chunk of body) {
    bodyBytes += chunk.length
    await Promise.race([failed, new Promise((resolve) => parser.write(chunk, resolve))])
    yield* found.splice(0)
    if (bodyBytes - fileBytes > MAX_OTHER_BYTES + chunk.length) {
      throw new AppError('too_large', `A form may have ${MAX_OTHER_BYTES} bytes besides its file`)
    }
  }
  parser.end()
  await Promise.race([failed, ended])
  yield* found.splice(0)
}

/** @throws AppError `bad_request` when the type names no boundary */
function openParser(contentType: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType } as BusboyHeaders,
      // Names are cut to their last part elsewhere, for all ways to upload.
      preservePath: true,
      isPartAFile: (_field, _type, fileName) => fileName !== undefined,
      limits: { parts: MAX_PARTS, fieldSize: MAX_OTHER_BYTES },
    })
  } catch (cause) {
    throw new AppError('bad_request', 'The Content-Type names no boundary', { cause })
  }
}
