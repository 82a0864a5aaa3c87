import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const REBUILDS = [
  { pattern: /\bdrop\s+table\b/i, what: 'DROP TABLE' },
  { pattern: /__new_/i, what: 'a `__new_` table' },
  { pattern: /\bpragma\b[^;]*foreign_keys/i, what: 'PRAGMA foreign_keys' },
]

/** What drizzle-kit says when all is well. Its exit status is 0 also when it wanted to ask whether a column was renamed. */
const CALM = { check: "Everything's fine", generate: 'No schema changes' }

/**
 * Why a migration may not land. SQLite cannot alter most things, so drizzle-kit rebuilds the table; on D1 the pragma
 * that should protect the children does nothing, and dropping the parent deletes them without an error.
 */
export function rebuildFaults(file: string, sql: string): string[] {
  if (/^-- reviewed-rebuild: \S/.test(sql)) return []
  const code = withoutCommentsAndTexts(sql)
  return REBUILDS.filter(({ pattern }) => pattern.test(code)).map(
    ({ what }) =>
      `${file} has ${what}: a rebuilt table loses its children on D1. Add columns instead, or review it and begin ` +
      'the file with `-- reviewed-rebuild: <reason>`',
  )
}

/** One expression for all, so that a quote in a comment or a `--` in a text cannot hide what follows. */
const withoutCommentsAndTexts = (sql: string) =>
  sql.replace(
    /'(?:[^']|'')*'|("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g,
    (_, name) => name ?? ' ',
  )

/** What happened to landed migrations. Both maps lead from a path to the git id of its content. */
export function landedFaults(landed: Map<string, string>, present: Map<string, string>): string[] {
  return [...landed]
    .filter(([file, blob]) => present.get(file) !== blob)
    .map(
      ([file]) =>
        `${file} was ${present.has(file) ? 'changed' : 'deleted'} after the commit that added it: databases that ran it ` +
        'will not run it again. Restore it and add a new migration (on your own branch you may squash the commits)',
    )
}

if (import.meta.main) {
  const files = globSync('migrations/*.sql').sort()
  const faults = [
    ...files.flatMap((file) => rebuildFaults(file, readFileSync(file, 'utf8'))),
    ...historyFaults(files),
    ...driftFaults(),
  ]
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exitCode = 1
}

/** Committed before HEAD counts as landed: HEAD itself may still be amended. */
function historyFaults(files: string[]): string[] {
  if (!existsSync('.git')) return skipped('this is no git repository')
  if (git('rev-parse', '--is-shallow-repository') === 'true') return skipped('this is a shallow clone')
  if (run('git', ['rev-parse', '--verify', '--quiet', 'HEAD~']).status !== 0) return []
  const added = ['log', '--first-parent', '-m', '--no-renames', '--diff-filter=A', '--format=', '--raw', '--no-abbrev']
  const landed = [...git(...added, 'HEAD~', '--', 'migrations/*.sql').matchAll(/^:\d+ \d+ 0+ (\w+) A\t(.+)$/gm)]
  const blobs = files.length > 0 ? git('hash-object', ...files).split('\n') : []
  return landedFaults(
    // git tells the newest first, so the oldest commit that added a path has the last word.
    new Map(landed.map(([, blob, file]) => [file!, blob!])),
    new Map(files.map((file, at) => [file, blobs[at]!])),
  )
}

function skipped(reason: string): string[] {
  console.log(`Skipped whether landed migrations are unchanged: ${reason}`)
  return []
}

/** Runs drizzle-kit where its output harms nobody: beside a copy of the migrations and links to all that it reads. */
function driftFaults(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'parley-migrations-'))
  try {
    cpSync('migrations', join(folder, 'migrations'), { recursive: true })
    for (const path of ['src', 'node_modules', 'drizzle.config.ts', 'package.json', 'tsconfig.json'])
      symlinkSync(resolve(path), join(folder, path))
    for (const [command, calm] of Object.entries(CALM)) {
      const { output } = run('drizzle-kit', [command], folder)
      if (!output.includes(calm))
        return [`migrations/ does not match src/db/schema: run \`npm run db:generate\` and review it\n${output}`]
    }
    return []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function git(...args: string[]): string {
  const { status, stdout, output } = run('git', args)
  if (status !== 0) throw new Error(`git ${args[0]} failed: ${output}`)
  return stdout.trim()
}

function run(program: string, args: string[], cwd?: string) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (error) throw error
  return { status, stdout, output: stdout + stderr }
}
