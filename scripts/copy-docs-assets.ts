import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Swagger UI and ReDoc are served from here, so that no reader of /docs asks a CDN. wrangler runs this before dev and
// deploy; what is there already is not written again.
const FILES = [
  'swagger-ui-dist/swagger-ui-bundle.js',
  'swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt',
  'swagger-ui-dist/swagger-ui.css',
  'redoc/bundles/redoc.standalone.js',
  'redoc/bundles/redoc.standalone.js.LICENSE.txt',
]

/** ReDoc puts this picture into its menu and has no option against it; without it the menu shows only the link. */
const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg'

const folder = join(import.meta.dirname, '../public/vendor')
mkdirSync(folder, { recursive: true })
for (const file of FILES) {
  const source = readFileSync(fileURLToPath(import.meta.resolve(file)), 'utf8').replaceAll(REDOC_LOGO, 'data:,')
  const target = join(folder, basename(file))
  if (source !== readIfThere(target)) writeFileSync(target, source)
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
