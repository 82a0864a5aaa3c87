import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../command-line.ts'
import { type Manifest, OBJECTS, SNAPSHOT, writeManifest } from './manifest.ts'
import { copyOut, storedFiles } from './objects.ts'
import { ownTables, readSchema } from './schema.ts'
import { takeSnapshot } from './snapshot.ts'
import type { Stores } from './stores.ts'
import { tallySnapshot } from './tally.ts'

/** Writes database and objects into a new folder in `parent`, named by the time. @throws Refusal for an empty database */
export async function writeBackup(
  stores: Stores,
  parent: string,
  now: Date,
): Promise<{ folder: string; manifest: Manifest; copied: number }> {
  const schema = await readSchema(stores.d1)
  const tables = ownTables(schema)
  if (!tables.some(({ name }) => name === 'users')) throw new Refusal('This database has nothing of Parley in it.')
  const folder = join(parent, now.toISOString().replaceAll(':', '-'))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    const { snapshot, inexact } = await takeSnapshot(stores, schema, join(folder, SNAPSHOT))
    const files = storedFiles(snapshot)
    const { copied, faulty } = await copyOut(stores.files, files, join(parent, OBJECTS))
    const manifest: Manifest = {
      version: 1,
      made_at: now.toISOString(),
      schema,
      tables: tallySnapshot(snapshot, tables),
      inexact,
      files,
      faulty,
    }
    snapshot.close()
    writeManifest(folder, manifest)
    return { folder, manifest, copied }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}
