import { resolve } from 'node:path'
import { openStores } from './backup/stores.ts'
import { writeBackup } from './backup/write.ts'
import { readOptions, runCommand, TARGET, targetOf } from './command-line.ts'

const USAGE = `Writes a backup: all rows of the database, of one moment, and all files of users.

  npm run backup [-- options]

  --to DIR          where it goes, into a folder named by the time [backups]. Files are kept once for all backups in DIR
  --persist-to DIR  the local database and files in DIR; without it those of \`npm run dev\`
  --remote          the deployed ones. While its rows are exported, the database answers nobody
  --help            this

It holds all that users have written, and hashes of their passwords: keep it as safe as the database. Secrets of the Worker are not in
it; without ENCRYPTION_KEY what that sealed cannot be opened.`

await runCommand(USAGE, async () => {
  const given = readOptions({ to: { type: 'string' }, ...TARGET })
  const stores = await openStores(targetOf(given))
  try {
    const { folder, manifest, copied } = await writeBackup(stores, resolve(given.to ?? 'backups'), new Date())
    const { tables, files, faulty, inexact } = manifest
    const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0)
    console.log(
      `${folder}: ${rows} rows in ${Object.keys(tables).length} tables; ${files.length} files, ${copied} of them new.`,
    )
    if (inexact > 0)
      console.log(`${inexact} texts changed while they were read: line feeds in them may not be as they were.`)
    if (faulty.length > 0) process.exitCode = 1
    for (const key of faulty) console.error(`The file ${key} is gone, or is not what the database says.`)
  } finally {
    await stores.close()
  }
})
