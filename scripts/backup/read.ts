import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Refusal } from '../command-line.ts'
import { buildOn, loadTables, NEW_EPOCH } from './load.ts'
import { type Manifest, OBJECTS, readManifest, SNAPSHOT } from './manifest.ts'
import { copyIn } from './objects.ts'
import { ownTables, readSchema } from './schema.ts'
import type { Stores } from './stores.ts'
import { type Tally, tallyDatabase, tallySnapshot } from './tally.ts'

/** A backup that is as it was written. */
export type Backup = { folder: string; manifest: Manifest; snapshot: DatabaseSync }

/** @throws Refusal for one that is not */
export function openBackup(folder: string): Backup {
  const manifest = readManifest(folder)
  const snapshot = new DatabaseSync(join(folder, SNAPSHOT), { readOnly: true })
  compare(manifest.tables, tallySnapshot(snapshot, ownTables(manifest.schema)), `${SNAPSHOT} is not as it was written`)
  return { folder, manifest, snapshot }
}

/**
 * Puts a backup into an empty database and into a bucket, and holds every row that has arrived against it. Gives the objects that it has
 * no whole copy of.
 * @throws Refusal when the database is not empty, or something did not arrive as it was
 */
export async function restore(
  { d1, files }: Stores,
  { folder, manifest, snapshot }: Backup,
  say: (line: string) => void,
): Promise<string[]> {
  const { schema } = manifest
  if ((await readSchema(d1)).length > 0) {
    throw new Refusal('This database is not empty. A backup goes into a new one: nothing is ever overwritten.')
  }
  const tables = ownTables(schema)
  say('Filling the tables …')
  await loadTables(d1, snapshot, schema, tables)
  say('Reading every row again …')
  compare(
    manifest.tables,
    await tallyDatabase(d1, snapshot, tables),
    'Not all has arrived; begin again with a new database',
  )
  say('Making the search …')
  await buildOn(d1, schema)
  const { meta } = await d1.prepare(NEW_EPOCH).run()
  say(`Channels in a new epoch: ${meta.changes}`)
  say('Files …')
  const { faulty } = await copyIn(files, manifest.files, join(dirname(folder), OBJECTS))
  return faulty
}

/** @throws Refusal that names the tables that differ */
function compare(wanted: Record<string, Tally>, found: Record<string, Tally>, what: string): void {
  const wrong = Object.entries(wanted).filter(
    ([name, { rows, checksum }]) => found[name]?.rows !== rows || found[name]?.checksum !== checksum,
  )
  if (wrong.length > 0) throw new Refusal(`${what}: ${wrong.map(([name]) => name).join(', ')}.`)
}
