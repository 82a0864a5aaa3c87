import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { wholeApp } from '../../src/app.ts'
import { describeApi } from '../../src/features/system/routes/document.ts'
import { type Surface, surfaceOf } from './surface.ts'

const docs = join(import.meta.dirname, '../../docs')

/** The document that a running server gives at /openapi.json. */
export const DOCUMENT = join(docs, 'openapi.json')
/** The surface of the one that was released last. */
export const RELEASED = join(docs, 'openapi-released.json')
/** Where breaking changes are acknowledged. */
export const CHANGES = join(docs, '../CHANGELOG.md')

// As JSON, which drops what is undefined.
const described = JSON.parse(JSON.stringify(describeApi(await wholeApp())))

export const documentText = () => formatted(described)
export const surface = (): Surface => surfaceOf(described)
export const surfaceText = () => formatted(surface())

/** What fits on a line is on one: a change shows as few lines. */
function formatted(value: unknown): string {
  const { status, stdout, stderr } = spawnSync('biome', ['format', '--stdin-file-path=document.json'], {
    input: JSON.stringify(value),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`biome does not format the document: ${stderr}`)
  return stdout
}
