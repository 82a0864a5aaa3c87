import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { boundedPdfjs } from './bounded-pdfjs.ts'

// Each module of src/apart with all that it imports in one file beside it, which wrangler uploads as a module of its own
// (src/load-apart.ts). wrangler runs this before dev and deploy, vitest before its tests.
const folder = join(import.meta.dirname, '../src/apart')

const { outputFiles } = await build({
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
  write: false,
})
// Several do this at once, and read what another has made: a file is never half there.
for (const { path, contents } of outputFiles) {
  if (existsSync(path) && readFileSync(path).equals(contents)) continue
  const made = `${path}.${process.pid}.tmp`
  writeFileSync(made, contents)
  renameSync(made, path)
}
