import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build, esmExternalRequirePlugin, type Plugin, type Rolldown } from 'vite'
import { boundedPdfjs } from './bounded-pdfjs.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PARTS = 'parts'

/** A quarter of the Worker otherwise: zod's `z` is a namespace, so what nobody uses of it cannot be shaken off. */
const LEFT_OUT: Record<string, string> = {
  '../locales/index.js': 'zod-locales.js',
  './compile.js': 'zod-compile.js',
  './from-json-schema.js': 'zod-from-json-schema.js',
}

const leftOut: Plugin = {
  name: 'left-out',
  enforce: 'pre',
  resolveId(source, importer = '') {
    const instead = /[\\/]node_modules[\\/]zod[\\/]/.test(importer) ? LEFT_OUT[source] : undefined
    return instead && join(import.meta.dirname, 'left-out', instead)
  },
}

/**
 * Builds the Worker of `entry`, a path below the project, into `folder`: `index.mjs`, and in `parts` what an import() loads when it is
 * first needed and what several share (docs/decisions/021-real-modules.md).
 * @throws Error when it cannot be built, or could not run in workerd
 */
export async function buildWorker(entry: string, folder: string, plugins: Plugin[] = []): Promise<void> {
  const { output } = (await build({
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    publicDir: false,
    // A require() of CommonJS for a module of the platform becomes an import.
    plugins: [leftOut, boundedPdfjs, ...plugins, esmExternalRequirePlugin({ external: [/^node:/] })],
    ssr: {
      target: 'webworker',
      noExternal: true,
      resolve: { conditions: ['workerd', 'worker', 'browser', 'module'] },
    },
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      ssr: true,
      write: false,
      target: 'es2024',
      minify: true,
      // The maps bring the names back in logs.
      sourcemap: true,
      rolldownOptions: {
        input: resolve(ROOT, entry),
        // workerd takes each of its exports for a class or a handler.
        preserveEntrySignatures: 'strict',
        external: [/^cloudflare:/],
        output: { codeSplitting: true, entryFileNames: 'index.mjs', chunkFileNames: `${PARTS}/[name]-[hash].mjs` },
      },
    },
  })) as Rolldown.RolldownOutput
  const files = output.map((file) => ({
    name: file.fileName,
    content: Buffer.from(file.type === 'chunk' ? file.code : file.source),
  }))
  if (files.some(({ content }) => content.includes('bundling-cjs#require-external-modules')))
    throw new Error('A require() is left for a module that workerd could only import')
  mkdirSync(join(folder, PARTS), { recursive: true })
  // Whoever reads while it changes finds what the entry names: parts come before it, and go after it.
  const isPart = ({ name }: { name: string }) => name.startsWith(`${PARTS}/`)
  for (const { name, content } of files.filter(isPart)) write(join(folder, name), content)
  for (const { name, content } of files.filter((file) => !isPart(file))) write(join(folder, name), content)
  const names = new Set(files.map(({ name }) => name))
  // Not what another is writing.
  for (const part of readdirSync(join(folder, PARTS)))
    if (!part.endsWith('.tmp') && !names.has(`${PARTS}/${part}`)) rmSync(join(folder, PARTS, part), { force: true })
}

/** The modules of a Worker that was built; the first is what workerd runs. */
export function modulesIn(folder: string): string[] {
  const parts = readdirSync(join(folder, PARTS)).filter((name) => name.endsWith('.mjs'))
  return ['index.mjs', ...parts.map((name) => `${PARTS}/${name}`)]
}

/** Several build the same at once, and read what another has made: a file is never half there, nor written again. */
function write(path: string, content: Buffer): void {
  if (existsSync(path) && readFileSync(path).equals(content)) return
  const made = `${path}.${process.pid}.tmp`
  writeFileSync(made, content)
  renameSync(made, path)
}
