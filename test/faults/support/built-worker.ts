import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { runWrangler } from '../../../scripts/local-server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    builtWorker: string
  }
}

/** The Worker is built once for all files, as `wrangler deploy` builds it. */
export default async function setup(project: TestProject) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-built-'))
  const { ok, output } = await runWrangler(['deploy', '--dry-run', `--outdir=${folder}`])
  if (!ok) throw new Error(`The Worker could not be built:\n${output}`)
  project.provide('builtWorker', folder)
  return () => rmSync(folder, { recursive: true, force: true })
}
