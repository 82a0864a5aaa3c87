import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { buildWorker } from '../../../scripts/bundle/build.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    builtWorker: string
  }
}

/** The Worker is built once for all files, as it is deployed. */
export default async function setup(project: TestProject) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-built-'))
  await buildWorker('src/index.ts', folder)
  project.provide('builtWorker', folder)
  return () => rmSync(folder, { recursive: true, force: true })
}
