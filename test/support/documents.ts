import { strToU8, zipSync } from 'fflate'

export const PDF = 'application/pdf'
export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

const join = (parts: (string | Uint8Array)[]) => {
  const arrays = parts.map((part) => (typeof part === 'string' ? strToU8(part, true) : part))
  const whole = new Uint8Array(arrays.reduce((size, { length }) => size + length, 0))
  let at = 0
  for (const part of arrays) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export type PdfObject = string | { dict: string; stream: string | Uint8Array }

/** A PDF of these objects, numbered from 1, of which the first is the catalog. */
export function pdfOf(objects: PdfObject[], trailer = ''): Uint8Array<ArrayBuffer> {
  const parts: (string | Uint8Array)[] = ['%PDF-1.7\n']
  const offsets: number[] = []
  let at = 9
  const add = (part: string | Uint8Array) => {
    parts.push(part)
    at += part.length
  }
  for (const [index, object] of objects.entries()) {
    offsets.push(at)
    add(`${index + 1} 0 obj\n`)
    if (typeof object === 'string') add(object)
    else {
      add(`<< /Length ${object.stream.length} ${object.dict} >>\nstream\n`)
      add(object.stream)
      add('\nendstream')
    }
    add('\nendobj\n')
  }
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const size = objects.length + 1
  parts.push(`xref\n0 ${size}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\n`)
  parts.push(`startxref\n${at}\n%%EOF\n`)
  return join(parts)
}

const FONT = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>'

/** A PDF with a page for each stream; object 3 is the font /F1. */
export function pdfOfPages(
  streams: { dict: string; stream: string | Uint8Array }[],
  { trailer = '', font = FONT, more = [] as PdfObject[] } = {},
) {
  const first = 4 + more.length
  const kids = streams.map((_, index) => `${first + 2 * index} 0 R`).join(' ')
  const page = (content: number) =>
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${content} 0 R >>`
  return pdfOf(
    [
      '<< /Type /Catalog /Pages 2 0 R >>',
      `<< /Type /Pages /Kids [${kids}] /Count ${streams.length} >>`,
      font,
      ...more,
      ...streams.flatMap((stream, index) => [page(first + 2 * index + 1), stream]),
    ],
    trailer,
  )
}

/** A content stream with these lines in WinAnsi, which for our letters is Latin-1. */
export const linesOf = (...lines: string[]) => ({
  dict: '',
  stream: `BT /F1 12 Tf 14 TL 50 780 Td ${lines.map((line) => `(${line}) Tj T*`).join(' ')} ET`,
})

/** What tells a DOCX from any other zip. */
const CONTENT_TYPES = `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="${DOCX}.main+xml"/></Types>`

export const docxOfXml = (xml: string, path = 'word/document.xml') =>
  zipSync({
    '[Content_Types].xml': strToU8(CONTENT_TYPES),
    [path]: strToU8(xml),
    'word/styles.xml': strToU8('<styles/>'),
  })

export const docxOf = (body: string) =>
  docxOfXml(
    `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
  )
