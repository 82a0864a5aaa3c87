import { Unzip, UnzipInflate } from 'fflate'
import { getResolvedPDFJS } from 'unpdf'
import { cutText, toPlainText } from '../../lib/plain-text.ts'
import { textOfWordXml } from '../../lib/word-xml.ts'

const READERS: Record<string, (bytes: Uint8Array, maxCharacters: number) => Promise<Extract> | Extract> = {
  'application/pdf': readPdf,
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': readWord,
}

/** As the file has it, before it is made plain text. */
type Extract = { raw: string; isWhole: boolean }

/**
 * The plain text of a PDF or DOCX, cut at `maxCharacters` (UTF-16 units); a file of images alone has the empty text.
 * The bytes of a PDF are taken over, and are empty afterwards. What a file can cost is bounded here and in
 * scripts/bundle/bounded-pdfjs.ts.
 * @throws Error when the file is of another type, encrypted, damaged, or too large once it is unpacked
 */
export async function textOf(
  bytes: Uint8Array,
  mediaType: string,
  maxCharacters: number,
): Promise<{ text: string; isWhole: boolean }> {
  const read = Object.hasOwn(READERS, mediaType) ? READERS[mediaType] : undefined
  if (!read) throw new Error(`No text can be read from ${mediaType}`)
  // More than is asked for, as plain text has fewer blanks.
  const { raw, isWhole } = await read(bytes, 2 * maxCharacters + 1000)
  const text = toPlainText(raw)
  return { text: cutText(text, maxCharacters), isWhole: isWhole && text.length <= maxCharacters }
}

const MAX_MS = 10_000

/** Nothing is fetched, drawn or compiled for a text. */
const PDF_OPTIONS = {
  verbosity: 0,
  useWasm: false,
  useWorkerFetch: false,
  useSystemFonts: false,
  disableFontFace: true,
  isOffscreenCanvasSupported: false,
  isImageDecoderSupported: false,
  // Otherwise a page that is too large, or broken, would pass for an empty one.
  stopAtErrors: true,
}

/** Page by page. A page that cannot be read is left out, and the text is not whole then. */
async function readPdf(data: Uint8Array, maxCharacters: number): Promise<Extract> {
  const { getDocument } = await getResolvedPDFJS()
  const task = getDocument({ data, ...PDF_OPTIONS })
  let isLate = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isLate = true
      reject(new Error('The document takes too long to read'))
    }, MAX_MS)
  })
  // Nobody may be waiting for it.
  late.catch(() => {})
  const inTime = <T>(promise: Promise<T>) => Promise.race([promise, late])
  let raw = ''
  let failure: unknown
  try {
    const pdf = await inTime(task.promise)
    for (let number = 1; number <= pdf.numPages && raw.length <= maxCharacters && !isLate; number++) {
      try {
        const page = await inTime(pdf.getPage(number))
        for await (const piece of chunksOf(page.streamTextContent(), inTime)) {
          raw += piece
          if (raw.length > maxCharacters) break
        }
        page.cleanup()
      } catch (error) {
        failure ??= error
      }
      raw += '\n\n'
      // In workerd the clock stands still, and no timer fires, until something is waited for.
      await scheduler.wait(0)
    }
  } catch (error) {
    failure = error
  } finally {
    clearTimeout(timer)
    await task.destroy()
  }
  if (failure !== undefined && raw.trim() === '') throw readable(failure)
  return { raw, isWhole: failure === undefined && !isLate && raw.length <= maxCharacters }
}

/** As many chunks as are asked for: pdf.js reads a page no further than that. */
async function* chunksOf(
  stream: ReadableStream<{ items: { str?: string; hasEOL?: boolean }[] }>,
  inTime: <T>(promise: Promise<T>) => Promise<T>,
) {
  const reader = stream.getReader()
  try {
    for (let count = 1; ; count++) {
      const { done, value } = await inTime(reader.read())
      if (done) return
      yield value.items.map(({ str = '', hasEOL }) => (hasEOL ? `${str}\n` : str)).join('')
      if (count % 500 === 0) await scheduler.wait(0)
    }
  } finally {
    reader.cancel(new Error('Enough')).catch(() => {})
  }
}

const ENCRYPTED = 'The document is encrypted'

const readable = (cause: unknown) =>
  new Error(cause instanceof Error && cause.name === 'PasswordException' ? ENCRYPTED : 'The document cannot be read', {
    cause,
  })

const MAX_XML_BYTES = 16 * 1024 * 1024

/** Inflated at once, so a bomb comes to 16 MiB more than is allowed. */
const SLICE_BYTES = 16 * 1024

function readWord(bytes: Uint8Array, maxCharacters: number): Extract {
  // With a password, an OLE file is around the zip (MS-OFFCRYPTO, 2.3).
  if (bytes[0] === 0xd0 && bytes[1] === 0xcf) throw new Error(ENCRYPTED)
  const raw = textOfWordXml(documentXml(bytes), maxCharacters)
  return { raw, isWhole: raw.length <= maxCharacters }
}

/** word/document.xml of a DOCX; some versions of Word number it. */
function documentXml(bytes: Uint8Array): string {
  const decoder = new TextDecoder()
  let xml = ''
  let size = 0
  let state: 'before' | 'in' | 'after' = 'before'
  const unzip = new Unzip((file) => {
    if (state !== 'before' || !/^word\/document\d*\.xml$/.test(file.name)) return
    state = 'in'
    file.ondata = (error, data, isLast) => {
      if (error) throw error
      size += data.length
      if (size > MAX_XML_BYTES) throw new Error('The document is too large')
      xml += decoder.decode(data, { stream: !isLast })
      if (isLast) state = 'after'
    }
    file.start()
  })
  unzip.register(UnzipInflate)
  try {
    // TypeScript does not see that a callback changes the state.
    for (let at = 0; at < bytes.length && (state as string) !== 'after'; at += SLICE_BYTES)
      unzip.push(bytes.subarray(at, at + SLICE_BYTES), at + SLICE_BYTES >= bytes.length)
  } catch (cause) {
    throw readable(cause)
  }
  if ((state as string) !== 'after') throw readable(new Error('No complete word/document.xml'))
  return xml
}
