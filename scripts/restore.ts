import { resolve } from 'node:path'
import { openBackup, restore } from './backup/read.ts'
import { openStores } from './backup/stores.ts'
import { Refusal, readOptions, runCommand, TARGET, targetOf } from './command-line.ts'

const USAGE = `Puts a backup into an empty database, and its files into the bucket. What arrived is held against what was written.

  npm run restore -- --from backups/2026-11-29T00-30-00.000Z [options]

  --from DIR         the folder of the backup
  --persist-to DIR   a local database in DIR; without it that of \`npm run dev\`
  --remote           the account's
  --database NAME    with --remote: a database of another name than in wrangler.toml
  --help             this

Nothing is overwritten. Channels begin another epoch, so every client reads them anew (docs/operate.md).`

await runCommand(USAGE, async () => {
  const given = readOptions({ from: { type: 'string' }, database: { type: 'string' }, ...TARGET })
  if (given.from === undefined)
    throw new Refusal('--from is missing: the folder of a backup. --help shows how this is used.')
  const target = targetOf(given)
  if (!target.remote && given.database !== undefined) throw new Refusal('--database is for --remote only.')
  const backup = openBackup(resolve(given.from))
  const stores = await openStores(target.remote ? { ...target, database: given.database } : target)
  try {
    const faulty = await restore(stores, backup, console.log)
    for (const key of faulty) console.error(`The file ${key} is not in the backup, or not whole.`)
    console.log(`Restored, as it was at ${backup.manifest.made_at}.`)
    if (faulty.length > 0) process.exitCode = 1
  } finally {
    await stores.close()
  }
})
