import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

// node scripts/check-bundle.ts FOLDER: judges what `wrangler deploy --dry-run --outdir FOLDER` has built. Modules that
// load when first needed are files of their own and do not count.
const MAX_BYTES = 300 * 1024

const bytes = gzipSync(readFileSync(join(process.argv[2]!, 'index.js'))).length
const kilobytes = (size: number) => `${(size / 1024).toFixed(1)} KB`
console.log(`Bundle, minified and gzipped: ${kilobytes(bytes)} of ${kilobytes(MAX_BYTES)}`)
if (bytes > MAX_BYTES) {
  console.error('The bundle is too large: load what few requests need from a module of its own, or take it out')
  process.exitCode = 1
}
