import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

// npm run bench: what starting takes, what requests take, and what a channel with many receivers takes (README.md).
const START_UP = 'start-up'
const CHANNELS = 'channels'
/** Of `npm run bench:channels` what fits. */
const SHORT = 'runs=5 seconds=1 peers=ws,parley quiet-receivers=0 slow-seconds=0'
  .split(' ')
  .map((option) => `--${option}`)

const text = { type: 'string' } as const
const { values: given } = parseArgs({ options: { only: text, rounds: text, seconds: text, json: text } })
const names = given.only?.split(',')
const requests = names?.filter((name) => name !== START_UP && name !== CHANNELS)
const isChosen = (name: string) => names === undefined || names.includes(name)

if (isChosen(START_UP)) run('start-up/run.ts', [])
if (requests?.length !== 0) {
  const options = Object.entries({ ...given, only: requests?.join() }).filter(([, value]) => value !== undefined)
  run(
    'requests/run.ts',
    options.map(([name, value]) => `--${name}=${value}`),
  )
}
if (isChosen(CHANNELS)) run('channels/run.ts', SHORT)

function run(script: string, args: string[]): void {
  const node = ['--no-warnings', join(import.meta.dirname, script), ...args]
  const { status } = spawnSync(process.execPath, node, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
