import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { acknowledgements, breakingChanges } from './openapi/breaking.ts'
import { CHANGES, DOCUMENT, documentText, RELEASED, surface } from './openapi/files.ts'

// The document of the API: the copy in the tree is what the code says, keeps what was promised, and has no fault (docs/api.md).

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'parley-openapi-'))
const faults = [...oldCopy(), ...brokenPromises()]
// A copy that is old would be judged in place of the document.
if (faults.length === 0) faults.push(...redoclyFaults(), ...(await spectralFaults()))
rmSync(folder, { recursive: true })
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1

function oldCopy(): string[] {
  const isCurrent = readFileSync(DOCUMENT, 'utf8') === documentText()
  return isCurrent ? [] : [`${named(DOCUMENT)} is not what the code says; \`npm run openapi\` writes it anew`]
}

function brokenPromises(): string[] {
  const changes = breakingChanges(JSON.parse(readFileSync(RELEASED, 'utf8')), surface())
  const acknowledged = acknowledgements(readFileSync(CHANGES, 'utf8'))
  return [
    ...changes
      .filter((change) => !acknowledged.includes(change))
      .map(
        (change) =>
          `This breaks clients; mend it, or add to ${named(CHANGES)}, with the reason:\n* **Breaks** \`${change}\`: …`,
      ),
    ...acknowledged
      .filter((change) => !changes.includes(change))
      .map((change) => `${named(CHANGES)} speaks of a change that is none: ${change}`),
  ]
}

type Redocly = {
  totals: { ignored: number }
  problems: { ruleId: string; message: string; location: { pointer?: string }[] }[]
}

/** By redocly.yaml, and .redocly.lint-ignore.yaml, whose lines must all be needed. */
function redoclyFaults(): string[] {
  const { totals, problems }: Redocly = JSON.parse(run('redocly', ['lint', named(DOCUMENT), '--format=json']))
  const exceptions = readFileSync(join(root, '.redocly.lint-ignore.yaml'), 'utf8').match(/^ +- /gm)?.length ?? 0
  return [
    ...problems.map(({ ruleId, message, location }) => `redocly ${ruleId}: ${message} at ${location[0]?.pointer}`),
    ...(totals.ignored < exceptions ? ['.redocly.lint-ignore.yaml has a line that is not needed any more'] : []),
  ]
}

type Spectral = { code: string; message: string; path: (string | number)[] }
type Override = { files: string[]; rules: Record<string, 'off'> }

/** By the rulesets of .spectral.mjs without its exceptions, so that those which are not needed any more are seen. */
async function spectralFaults(): Promise<string[]> {
  const [ruleset, output] = [join(folder, 'ruleset.json'), join(folder, 'spectral.json')]
  const owasp = join(root, 'node_modules/@stoplight/spectral-owasp-ruleset/dist/ruleset.mjs')
  writeFileSync(ruleset, JSON.stringify({ extends: ['spectral:oas', owasp] }))
  const log = run('spectral', ['lint', named(DOCUMENT), '-r', ruleset, '-f', 'json', '-o.json', output, '-q'])
  const found: Spectral[] = JSON.parse(readFileSync(output, { encoding: 'utf8' }) || log)
  const { default: native } = await import(join(root, '.spectral.mjs'))
  const exceptions = (native.overrides as Override[]).flatMap(({ files, rules }) =>
    Object.keys(rules).map((rule) => ({ rule, at: files[0]!.split('#')[1]!, isNeeded: false })),
  )
  const faults = found.filter(({ code, path }) => {
    const pointer = path.map((key) => `/${encodeURI(String(key).replaceAll('/', '~1'))}`).join('')
    const exception = exceptions.find(({ rule, at }) => rule === code && `${pointer}/`.startsWith(`${at}/`))
    if (exception) exception.isNeeded = true
    return !exception
  })
  return [
    ...faults.map(({ code, message, path }) => `spectral ${code}: ${message} at ${path.join(' ')}`),
    ...exceptions
      .filter(({ isNeeded }) => !isNeeded)
      .map(({ rule, at }) => `.spectral.mjs has an exception that is not needed any more: ${rule} at ${at}`),
  ]
}

/** What it wrote; a linter that finds something ends with 1. */
function run(command: string, parameters: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error || (status !== 0 && status !== 1)) throw error ?? new Error(`${command}: ${stdout}${stderr}`)
  return stdout
}

function named(file: string): string {
  return relative(root, file)
}
