import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCounts } from './test-counts.ts'

// npm test runs everything, npm test -- FILES and whatever vitest takes runs that.
// The files come in parts, so that one which does not end costs minutes: it is made again; a test that fails is not.
const COST = 'test/features/cost'
const PARTS = [
  { name: 'unit', args: ['--project', 'unit', '--project', 'cells'], minutes: 5 },
  ...[1, 2, 3, 4, 5, 6].map((n) => ({
    name: `worker-${n}`,
    args: ['--project', 'worker', `--shard=${n}/6`, `--exclude=${COST}/**`],
    minutes: 7,
  })),
  // It makes millions of rows, and waits for the next hour when this one is nearly over.
  { name: 'cost', args: ['--project', 'worker', COST], minutes: 15 },
  { name: 'contract', args: ['--project', 'contract'], minutes: 10 },
  ...[1, 2].map((n) => ({ name: `e2e-${n}`, args: ['--project', 'e2e', `--shard=${n}/2`], minutes: 15 })),
  { name: 'faults', args: ['--project', 'faults'], minutes: 15 },
]
const MAX_TRIES = 3

const given = process.argv.slice(2)
if (given.length > 0) {
  process.exitCode = (await vitest(given, 60)) ?? 1
} else {
  const folder = process.env.TEST_REPORTS ?? mkdtempSync(join(tmpdir(), 'parley-tests-'))
  let passed = true
  for (const part of PARTS) passed = (await run(part, folder)) && passed
  const { ok, summary } = testCounts(folder)
  if (!process.env.TEST_REPORTS) {
    rmSync(folder, { recursive: true, force: true })
    console.log(summary)
  }
  if (!passed || !ok) process.exitCode = 1
}

async function run({ name, args, minutes }: (typeof PARTS)[number], folder: string): Promise<boolean> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(folder, `${name}.json`)}`]
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const status = await vitest([...args, ...reporters], minutes)
    if (status !== undefined) return status === 0
    console.log(`No end of ${name} after ${minutes} minutes: try ${tries} of ${MAX_TRIES}`)
  }
  return false
}

/** The exit code; `undefined` when it took longer, and was ended with all that it had started. */
function vitest(args: string[], minutes: number): Promise<number | undefined> {
  const child = spawn('vitest', ['run', ...args], { stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  let isLate = false
  const end = () => child.pid && process.kill(-child.pid, 'SIGKILL')
  const timer = setTimeout(() => {
    isLate = true
    end()
  }, minutes * 60_000)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      end()
      process.exit(130)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      clearTimeout(timer)
      resolve(isLate ? undefined : (code ?? 1))
    })
  })
}
