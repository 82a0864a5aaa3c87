import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { applyMigrations } from '../../scripts/local-server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    migratedState: string
  }
}

/** The migrations are applied once for all servers of a run: that takes longer than all else of a server's start. */
export default async function setup(project: TestProject) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-migrated-'))
  await applyMigrations(folder)
  project.provide('migratedState', folder)
  return () => rmSync(folder, { recursive: true, force: true })
}

/** A folder for the state of a server, with an empty database; start the server with `isMigrated`. */
export function newState(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-e2e-'))
  cpSync(inject('migratedState'), folder, { recursive: true })
  return folder
}
