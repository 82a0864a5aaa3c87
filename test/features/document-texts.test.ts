import { deflateSync } from 'node:zlib'
import { strToU8, zipSync, zlibSync } from 'fflate'
import { expect, test } from 'vitest'
import { textOf as textUpTo } from '../../src/features/files/document-texts.ts'
import { DOCX, docxOf, docxOfXml, linesOf, PDF, pdfOf, pdfOfPages } from '../support/documents.ts'

const textOf = (bytes: Uint8Array, type: string, max = 100_000) => textUpTo(bytes, type, max)

const MIB = 1024 * 1024
/** Streams of `size` bytes that pack to a thousandth. */
const packed = (size: number, fill = ' ') => zlibSync(strToU8(fill.repeat(size / fill.length)), { level: 9 })
const flate = (stream: Uint8Array) => ({ dict: '/Filter /FlateDecode', stream })

test('a PDF gives its lines, and its pages with a blank line between', async () => {
  const pdf = pdfOfPages([linesOf('Hello', 'world'), linesOf('Gr\xfc\xdfe aus K\xf6ln')])
  expect(await textOf(pdf, PDF)).toEqual({ text: 'Hello\nworld\n\nGrüße aus Köln', isWhole: true })
})

test('a PDF with packed streams is read', async () => {
  const pdf = pdfOfPages([flate(deflateSync(strToU8(linesOf('Packed').stream)))])
  expect(await textOf(pdf, PDF)).toEqual({ text: 'Packed', isWhole: true })
})

test('a PDF in Chinese is read by the map in it', async () => {
  const map = `/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfchar <0001> <4F60> endbfchar 1 beginbfrange <0002> <0003> <597D> endbfrange endcmap end end`
  const font =
    '<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>'
  const descendant =
    '<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 1000 >>'
  const pdf = pdfOfPages([{ dict: '', stream: 'BT /F1 12 Tf 50 780 Td <00010002> Tj ET' }], {
    font,
    more: [descendant, { dict: '', stream: map }],
  })
  expect(await textOf(pdf, PDF)).toEqual({ text: '你好', isWhole: true })
})

test('a PDF is read no further than the text that is asked for', async () => {
  const pages = Array.from({ length: 50 }, (_, page) => linesOf(`Page ${page + 1}`, ...Array(50).fill('x'.repeat(60))))
  const { text, isWhole } = await textOf(pdfOfPages(pages), PDF, 20)
  expect({ text, isWhole }).toEqual({ text: `Page 1\n${'x'.repeat(13)}`, isWhole: false })
  const { text: all, isWhole: isAll } = await textOf(pdfOfPages(pages), PDF, 200_000)
  expect(isAll).toBe(true)
  expect(all.match(/Page \d+/g)).toHaveLength(50)
  expect(all.match(/^x{60}$/gm)).toHaveLength(2500)
})

test('a text of just the length that is asked for is whole', async () => {
  expect(await textOf(pdfOfPages([linesOf('12345')]), PDF, 5)).toEqual({ text: '12345', isWhole: true })
  expect(await textOf(pdfOfPages([linesOf('12345')]), PDF, 4)).toEqual({ text: '1234', isWhole: false })
})

test('a PDF without text has the empty one', async () => {
  expect(await textOf(pdfOfPages([{ dict: '', stream: '0 0 10 10 re f' }]), PDF)).toEqual({ text: '', isWhole: true })
})

test('a PDF that wants a password is refused', async () => {
  const id = '0'.repeat(32)
  const trailer = `/ID [<${id}> <${id}>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'ab'.repeat(32)}> /U <${'cd'.repeat(32)}> >>`
  await expect(textOf(pdfOfPages([linesOf('Secret')], { trailer }), PDF)).rejects.toThrow('The document is encrypted')
})

test('what is no PDF, and what is left of one, is refused', async () => {
  const pdf = pdfOfPages([linesOf('Hello')])
  for (const bytes of [new Uint8Array(), strToU8('%PDF-1.7 and no more'), pdf.slice(0, 200), new Uint8Array(MIB)])
    await expect(textOf(bytes, PDF)).rejects.toThrow('The document cannot be read')
})

test('a PDF whose table of objects is lost is read all the same', async () => {
  const pdf = pdfOfPages([linesOf('Found again')])
  expect((await textOf(pdf.slice(0, -20), PDF)).text).toBe('Found again')
})

test('a PDF of which a stream unpacks to too much is refused', async () => {
  await expect(textOf(pdfOfPages([flate(packed(96 * MIB))]), PDF)).rejects.toThrow('The document cannot be read')
  const twice = { dict: '/Filter [/FlateDecode /FlateDecode]', stream: zlibSync(packed(96 * MIB), { level: 9 }) }
  await expect(textOf(pdfOfPages([twice]), PDF)).rejects.toThrow('The document cannot be read')
})

test('a page that unpacks to too much does not hide the others', async () => {
  const pdf = pdfOfPages([linesOf('First'), flate(packed(96 * MIB)), linesOf('Third')])
  const { text, isWhole } = await textOf(pdf, PDF)
  expect({ text, isWhole }).toEqual({ text: 'First\n\n\nThird', isWhole: false })
})

test('objects packed to too much are refused', async () => {
  const objects = { dict: '/Type /ObjStm /N 100000 /First 1000000 /Filter /FlateDecode', stream: packed(96 * MIB) }
  const pdf = pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', objects])
  await expect(textOf(pdf, PDF)).rejects.toThrow('The document cannot be read')
})

test('a font that claims to be an image, or has endless maps, takes neither time nor memory', async () => {
  const ranges = Array.from({ length: 200 }, (_, at) => {
    const code = (at << 16).toString(16).padStart(8, '0')
    return `<${code}> <${code.slice(0, 4)}FFFF> <4E004E00>`
  })
  const map = `begincmap 1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange 200 beginbfrange ${ranges.join('\n')} endbfrange endcmap`
  const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 4 0 R >>'
  for (const more of [
    { dict: '', stream: map },
    {
      dict: '/Filter /DCTDecode',
      stream: '\xff\xd8\xff\xc2\0\x11\x08\xff\xff\xff\xff\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xd9',
    },
  ]) {
    const started = Date.now()
    await textOf(pdfOfPages([linesOf('Hello')], { font, more: [more] }), PDF).catch(() => {})
    expect(Date.now() - started).toBeLessThan(5000)
  }
})

test('a PDF that claims a hundred thousand pages, or has them in a circle, ends soon', async () => {
  const claimed = pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 100000 >>',
    '<< /Type /Page /Parent 2 0 R >>',
  ])
  expect(await textOf(claimed, PDF)).toEqual({ text: '', isWhole: true })
  const circle = pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 100000 >>'])
  await expect(textOf(circle, PDF)).rejects.toThrow('The document cannot be read')
})

test('a hundred thousand pages are left when the time is up', async () => {
  const kids = '3 0 R '.repeat(100_000)
  const pdf = pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count 100000 >>`,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>',
  ])
  const started = Date.now()
  await textOf(pdf, PDF).catch(() => {})
  expect(Date.now() - started).toBeLessThan(12_000)
})

test('a form that draws others again and again is cut', async () => {
  const form = (next: number) => ({
    dict: `/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 3 0 R >> /XObject << /X ${next} 0 R >> >>`,
    stream: `BT /F1 12 Tf (abc) Tj ET ${'/X Do '.repeat(20)}`,
  })
  const more = Array.from({ length: 12 }, (_, index) => form(5 + index))
  const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'
  const page =
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << /XObject << /X 4 0 R >> >> /Contents 17 0 R >>'
  const pdf = pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [16 0 R] /Count 1 >>',
    font,
    ...more,
    page,
    { dict: '', stream: '/X Do' },
  ])
  expect(await textOf(pdf, PDF, 1000)).toMatchObject({ isWhole: false, text: expect.stringMatching(/^[abc\s]+$/) })
})

test('a DOCX gives its paragraphs, tabs, breaks and tables', async () => {
  const p = (text: string) =>
    `<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:r><w:t>${text}</w:t></w:r></w:p>`
  const cell = (text: string) => `<w:tc>${p(text)}</w:tc>`
  const docx = docxOf(
    `${p('Grüße &amp; 你好 &#x1F600;')}<w:p/>${p('a</w:t><w:tab/><w:t xml:space="preserve"> b</w:t><w:br/><w:t>c')}
     <w:tbl><w:tr>${cell('1')}${cell('2')}</w:tr><w:tr>${cell('3')}${cell('4')}</w:tr></w:tbl>${p('&lt;end&gt;')}`,
  )
  expect(await textOf(docx, DOCX)).toEqual({
    text: 'Grüße & 你好 😀\n\na\t b\nc\n1\t2\n3\t4\n<end>',
    isWhole: true,
  })
})

test('of a DOCX, nothing is given that was deleted, moved away or is there twice', async () => {
  const docx = docxOf(
    `<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>old</w:t></w:r></w:moveFrom>
     <w:r><w:instrText>PAGE</w:instrText></w:r><w:moveTo><w:r><w:t>new</w:t></w:r></w:moveTo><mc:AlternateContent>
     <mc:Choice><w:r><w:t> box</w:t></w:r></mc:Choice><mc:Fallback><w:r><w:t> box</w:t></w:r></mc:Fallback>
     </mc:AlternateContent></w:p>`,
  )
  expect((await textOf(docx, DOCX)).text).toBe('new box')
})

test('a DOCX of another writer is read: other prefix, other name, without packing', async () => {
  const xml = '<x:document><x:body><x:p><x:r><x:t>Hi</x:t></x:r></x:p></x:body></x:document>'
  expect((await textOf(docxOfXml(xml, 'word/document2.xml'), DOCX)).text).toBe('Hi')
  expect((await textOf(zipSync({ 'word/document.xml': strToU8(xml) }, { level: 0 }), DOCX)).text).toBe('Hi')
})

test('a DOCX is cut, and no character in two', async () => {
  const docx = docxOf('<w:p><w:r><w:t>abc😀def</w:t></w:r></w:p>')
  expect(await textOf(docx, DOCX, 4)).toEqual({ text: 'abc', isWhole: false })
  const long = docxOf('<w:p><w:r><w:t>abcdefghi</w:t></w:r></w:p>'.repeat(100_000))
  expect(await textOf(long, DOCX, 25)).toEqual({ text: 'abcdefghi\nabcdefghi\nabcde', isWhole: false })
})

test('a text is plain: no NUL, no control characters, no halves of characters, at most two blank lines', async () => {
  const docx = docxOf(
    `<w:p><w:r><w:t>a&#0;b\u0007\u009f&#xD800;c &#13;&#10;d</w:t></w:r></w:p>${'<w:p/>'.repeat(9)}<w:p><w:r><w:t>e&custom;</w:t></w:r></w:p>`,
  )
  expect((await textOf(docx, DOCX)).text).toBe('abc\nd\n\n\ne\uFFFD')
})

test('a DOCX that unpacks to too much is refused', async () => {
  for (const bytes of [docxOfXml(' '.repeat(64 * MIB)), docxOfXml('<a>'.repeat(32 * MIB))]) {
    const started = Date.now()
    await expect(textOf(bytes, DOCX)).rejects.toThrow('The document cannot be read')
    expect(Date.now() - started).toBeLessThan(2000)
  }
})

test('XML made to be slow is read at once', async () => {
  const started = Date.now()
  for (const part of ['<', '<a', '<w:t>', '&', '<w:p/></w:tc>', ' ', 'a:', '<w:tab/>', '<Fallback>'])
    await textOf(docxOf(part.repeat((8 * MIB) / part.length)), DOCX, 10_000_000)
  expect(Date.now() - started).toBeLessThan(15_000)
})

test('what is no DOCX, and what is left of one, is refused', async () => {
  const docx = docxOf(`<w:p><w:r><w:t>${crypto.randomUUID().repeat(99)}</w:t></w:r></w:p>`)
  for (const bytes of [
    new Uint8Array(),
    new Uint8Array(MIB),
    strToU8('PK\x03\x04'),
    docx.slice(0, 200),
    zipSync({ 'a.txt': strToU8('a') }),
    zipSync({
      word: strToU8('a'),
      ...Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`${at}`, strToU8('')])),
    }),
  ])
    await expect(textOf(bytes, DOCX)).rejects.toThrow('The document cannot be read')
  const ole = Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1)
  await expect(textOf(ole, DOCX)).rejects.toThrow('The document is encrypted')
})

test('other media types are refused', async () => {
  for (const type of ['text/plain', 'constructor', ''])
    await expect(textOf(new Uint8Array(), type)).rejects.toThrow('No text can be read')
})
