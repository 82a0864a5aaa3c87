import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { boundedPdfjs } from './bounded-pdfjs.ts'

// Each module of src/apart with all that it imports in one file beside it, which wrangler uploads as a module of its own
// (src/load-apart.ts). wrangler runs this before dev and deploy, vitest before its tests.
const folder = join(import.meta.dirname, '../src/apart')

await build({
  entryPoints: readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
  outdir: folder,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['workerd', 'worker', 'browser'],
  target: 'es2024',
  legalComments: 'none',
  plugins: [boundedPdfjs],
})
