import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../command-line.ts'
import type { Stored } from './objects.ts'
import type { Made } from './schema.ts'
import type { Tally } from './tally.ts'

/** What a backup is: written last, so a folder with one is whole. */
export type Manifest = {
  version: 1
  made_at: string
  schema: Made[]
  tables: Record<string, Tally>
  /** Texts that may not be as they were (mended-texts.ts). */
  inexact: number
  files: Stored[]
  /** Names of objects that could not be copied. */
  faulty: string[]
}

/** In the folder of a backup. Objects are beside these folders, as backups have most of them in common. */
export const SNAPSHOT = 'database.sqlite'
export const OBJECTS = 'objects'
const MANIFEST = 'manifest.json'

export const writeManifest = (folder: string, manifest: Manifest): void =>
  writeFileSync(join(folder, MANIFEST), JSON.stringify(manifest, null, 1), { mode: 0o600 })

/** @throws Refusal */
export function readManifest(folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'))
  } catch {
    throw new Refusal(`${folder} is no whole backup: it has no ${MANIFEST}.`)
  }
}
