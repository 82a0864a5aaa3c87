import { NEW_EPOCH } from './backup/load.ts'
import { readOptions, runCommand, TARGET, targetOf } from './command-line.ts'

const USAGE = `Begins another epoch of every channel, so that every client reads them anew: after the database went back in time.

  npm run channels:epoch [-- options]

  --persist-to DIR  the local database in DIR; without it that of \`npm run dev\`
  --remote          the deployed database
  --help            this

Only after a Time Travel (docs/operate.md): \`npm run restore\` does it by itself.`

await runCommand(USAGE, async () => {
  const target = targetOf(readOptions(TARGET))
  // Drizzle takes a second to load: not for somebody who has mistyped an option.
  const [{ sql }, { writeD1 }] = await Promise.all([import('drizzle-orm'), import('./d1.ts')])
  await writeD1(target, [sql.raw(NEW_EPOCH)])
  console.log('Every channel has begun another epoch.')
})
