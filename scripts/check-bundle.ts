import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { gzipSync } from 'node:zlib'
import { modulesIn } from './bundle/build.ts'

// node scripts/check-bundle.ts FOLDER: judges what build-worker.ts has built, by its size as wrangler counts an upload (gzipped
// as one), and by how much of it every isolate compiles before it can take a request.
const MAX_BYTES = 300 * 1024
const MAX_BYTES_AT_START = 500 * 1024
/** Readers of documents, what tells files apart by their bytes (file-type), and passwords that many use: few requests need one. */
const READERS = ['pdfjs', 'document-texts', 'source', 'password-blocklist']

const folder = process.argv[2]!
const modules = modulesIn(folder)
const isReader = (name: string) => READERS.some((reader) => name.startsWith(`parts/${reader}-`))
const codeOf = (name: string) => readFileSync(join(folder, name))
const kilobytes = (size: number) => `${(size / 1024).toFixed(1)} KB`

const bytes = gzipSync(Buffer.concat(modules.filter((name) => !isReader(name)).map(codeOf))).length
console.log(`Bundle without its readers, minified and gzipped: ${kilobytes(bytes)} of ${kilobytes(MAX_BYTES)}`)
if (bytes > MAX_BYTES)
  fail('The bundle is too large: take something out, or let an import() load what few requests need')
const isOneModule = (reader: string) => modules.filter((name) => name.startsWith(`parts/${reader}-`)).length === 1
if (!READERS.every(isOneModule))
  fail('A reader is no module of its own any more, or shares its name with another module')

const loaded = loadedWith('index.mjs')
const atStart = [...loaded].reduce((sum, name) => sum + codeOf(name).length, 0)
console.log(`Of it loaded at the start, minified: ${kilobytes(atStart)} of ${kilobytes(MAX_BYTES_AT_START)}`)
if (atStart > MAX_BYTES_AT_START)
  fail('Starting takes too long: let an import() load what the first request may not need')
// It shares zod, Drizzle and more with its parts.
if (loaded.size < 5) fail('The imports of index.mjs could not be read')

/** A module and all that is loaded before it runs. */
function loadedWith(name: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(name)) return loaded
  loaded.add(name)
  for (const [, path] of codeOf(name)
    .toString()
    .matchAll(/\b(?:from|import)"(\.[^"]+\.mjs)"/g))
    loadedWith(posix.join(posix.dirname(name), path!), loaded)
  return loaded
}

function fail(sentence: string): void {
  console.error(sentence)
  process.exitCode = 1
}
