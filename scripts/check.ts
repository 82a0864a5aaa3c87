import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCounts } from './test-counts.ts'

/** The tests show their progress; the other steps say something only when they fail. */
type Step = { name: string; command: string; live?: true }

const testCommand = readmeTestCommand()
const folder = mkdtempSync(join(tmpdir(), 'parley-check-'))
const reports = process.env.TEST_REPORTS ?? folder
mkdirSync(reports, { recursive: true })

const steps: Step[] = [
  { name: 'format and lint', command: 'biome ci --error-on-warnings .' },
  { name: 'types of the bindings', command: 'wrangler types --check --include-runtime=false' },
  { name: 'types', command: 'npm run --silent typecheck' },
  { name: 'docs', command: 'node scripts/check-docs.ts' },
  { name: 'document of the API', command: 'node scripts/check-openapi.ts' },
  { name: 'migrations', command: 'node scripts/check-migrations.ts' },
  {
    name: 'tests, by the command of the README',
    command: testCommand,
    live: true,
  },
]

const passed = steps.every(passes)
// A missing report is an error only when the tests are said to have run.
const counts = passed || readdirSync(reports).length > 0 ? testCounts(reports) : undefined
if (counts) console.log(`\n${counts.summary}`)
if (!passed || !counts?.ok) process.exitCode = 1
rmSync(folder, { recursive: true, force: true })

function passes({ name, command, live }: Step): boolean {
  if (live) console.log(`\n# ${name}`)
  const startedMs = performance.now()
  const { status, stdout, stderr, error } = spawnSync(command, {
    shell: true,
    stdio: live ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, TEST_REPORTS: reports, WRANGLER_SEND_METRICS: 'false' },
  })
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(`# ${name}: ${status === 0 ? 'ok' : 'FAILED'} in ${seconds} s`)
  if (status !== 0) console.log(`$ ${command}\n${stdout ?? ''}${stderr ?? ''}${error ?? ''}`)
  return status === 0
}

/** What the README tells a stranger to run must be what is tested here, so it is read from there. */
function readmeTestCommand(): string {
  const readme = existsSync('README.md') ? readFileSync('README.md', 'utf8') : ''
  const blocks = [...readme.matchAll(/^```.*\n([\s\S]*?)^```/gm)].map(([, block]) => block!)
  if (blocks.some((block) => /^(\$ )?npm ci && npm test$/m.test(block))) return 'npm test'
  console.error('README.md has no fenced command `npm ci && npm test`, so nobody knows how to run the tests')
  process.exit(1)
}
