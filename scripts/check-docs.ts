import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const readme = readFileSync('README.md', 'utf8')
const docs = new Map(
  ['README.md', ...globSync(['*.md', 'docs/**/*.md']).sort()].map((file) => [file, readIfThere(file)]),
)

const faults = [
  ...[...docs].flatMap(([file, text]) => [
    ...deadLinks(file, text),
    ...unknownScripts(file, text),
    ...unknownTests(file, text),
  ]),
  ...deadTreePaths(),
  ...unnamedFeatures(),
  ...variablesOutOfStep(),
]
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** Targets of `[text](target)`, `[label]: target` and HTML attributes. What stands in code is no link. */
function deadLinks(file: string, text: string): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/(`+)[^`][\s\S]*?\1/g, '')
  const links = prose.matchAll(/\]\(\s*<?([^)\s>]+)|^\s*\[[^\]]+\]:\s+<?([^\s>]+)|(?:href|src)="([^"]+)"/gm)
  return [...links]
    .map(([, inline, reference, attribute]) => inline ?? reference ?? attribute ?? '')
    .filter((target) => !/^([a-z][a-z+.-]*:|#|\/\/)/i.test(target))
    .filter((target) => {
      const path = decodeURIComponent(target.replace(/[#?].*$/, ''))
      return !existsSync(path.startsWith('/') ? path.slice(1) : join(dirname(file), path))
    })
    .map((target) => `${file} links to ${target}, which does not exist`)
}

function unknownScripts(file: string, text: string): string[] {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const named = [...text.matchAll(/\bnpm (?:run ([a-z][\w:-]*)|(test|start)\b)/g)].map(
    ([, run, short]) => run ?? short!,
  )
  return [...new Set(named)]
    .filter((name) => !(name in scripts))
    .map((name) => `${file} speaks of the npm script "${name}", which package.json does not have`)
}

/** Beginnings of names of tests, quoted behind a link to their file: `[a.test.ts](a.test.ts) "one", "another"`. */
function unknownTests(file: string, text: string): string[] {
  const references = text.matchAll(/\]\(([^)\s]+\.test\.ts)\)((?:,?\s+"[^"\n]+")+)/g)
  return [...references].flatMap(([, target, quoted]) => {
    const tests = readIfThere(join(dirname(file), target!))
    return [...quoted!.matchAll(/"([^"]+)"/g)]
      .filter(([, name]) => !["'", '`', '"'].some((quote) => tests.includes(`${quote}${name}`)))
      .map(([, name]) => `${file} speaks of a test "${name}", which ${target} does not have`)
  })
}

/**
 * The map of the tree is the fenced block whose lines begin with paths, folders with a slash at their end. Indentation
 * puts a line into the folder above it; `auth/ users/` are two folders, `<name>` and `*` stand for any.
 */
function deadTreePaths(): string[] {
  const blocks = [...readme.matchAll(/^```(\w*).*\n([\s\S]*?)^```/gm)]
  const map = blocks.find(
    ([, language, block]) => /^(text|tree)?$/.test(language!) && /^\S+\/(\s|$)/m.test(block!),
  )?.[2]
  if (!map) return ['README.md has no map of the tree: a fenced block whose lines begin with paths such as `src/`']
  const dead: string[] = []
  const open: { indent: number; folders: string[] }[] = []
  for (const [, margin, line] of map.matchAll(/^([ \t│├└─]*)(\S.*)$/gm)) {
    const [first, ...rest] = line!.split(/\s+/)
    const end = rest.findIndex((word) => !word.endsWith('/'))
    const names = [first!, ...rest.slice(0, end === -1 ? undefined : end)]
    while (open.length > 0 && (open.at(-1)!.indent >= margin!.length || open.at(-1)!.folders.length === 0)) open.pop()
    const parents = open.at(-1)?.folders ?? ['']
    const paths = names.map((name) => parents.map((parent) => join(parent, name.replace(/<[^>]*>/g, '*'))))
    dead.push(
      ...paths.filter((places) => places.every((path) => globSync(path).length === 0)).map((places) => places[0]!),
    )
    open.push({ indent: margin!.length, folders: paths.flat().filter((path) => path.endsWith('/')) })
  }
  return dead.map((path) => `README.md has ${path} in its map of the tree, which does not exist`)
}

function unnamedFeatures(): string[] {
  if (!existsSync('src/features')) return []
  return readdirSync('src/features', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !new RegExp(`\\b${entry.name}/|\`${entry.name}\``).test(readme))
    .map(({ name }) => `README.md does not name the feature ${name} (as \`${name}/\`)`)
}

/** `Variables` of src/env.ts and .dev.vars.example must name the same; an optional variable may be commented out. */
function variablesOutOfStep(): string[] {
  const table = /\bVariables\s*=[\s\S]*?\n(?![\s})])/.exec(`${readIfThere('src/env.ts')}\n.`)?.[0] ?? ''
  const declared = names(table, /^\s+([A-Z][A-Z0-9_]+):/gm)
  const shown = names(readIfThere('.dev.vars.example'), /^#?\s*([A-Z][A-Z0-9_]+)\s*=/gm)
  if (declared.length === 0) return ['src/env.ts has no table `Variables` with a variable on a line of its own']
  return [
    ...declared
      .filter((name) => !shown.includes(name))
      .map((name) => `.dev.vars.example lacks ${name}, which src/env.ts reads`),
    ...shown
      .filter((name) => !declared.includes(name))
      .map((name) => `.dev.vars.example has ${name}, which src/env.ts does not know`),
  ]
}

function names(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => name!)
}
