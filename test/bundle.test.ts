import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { buildWorker, modulesIn } from '../scripts/bundle/build.ts'

const folder = mkdtempSync(join(tmpdir(), 'parley-bundle-'))
const built = join(folder, 'built')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Builds a Worker of these files, of which `index.js` is the entry. */
async function build(files: Record<string, string>): Promise<void> {
  const source = mkdtempSync(join(folder, 'source-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(source, name), text)
  await buildWorker(join(source, 'index.js'), built)
}

test('what an import() loads is a module of its own, and one that nobody loads any more goes', async () => {
  const entry = (late: string) =>
    `export default { fetch: async () => new Response((await import('./${late}.js')).say()) }`
  await build({ 'index.js': entry('first'), 'first.js': `export const say = () => 'the first'` })
  expect(modulesIn(built)).toEqual(['index.mjs', expect.stringMatching(/^parts\/first-/)])
  await build({ 'index.js': entry('second'), 'second.js': `export const say = () => 'the second'` })
  expect(modulesIn(built)).toEqual(['index.mjs', expect.stringMatching(/^parts\/second-/)])
  expect(readdirSync(join(built, 'parts')).every((name) => /^second-.*\.mjs(\.map)?$/.test(name))).toBe(true)
})

test('the entry exports what it exports in the source, and nothing that its parts share', async () => {
  await build({
    'index.js': `import { shared } from './shared.js'; export default { fetch: async () => (await import('./late.js')).respond(shared) }`,
    'late.js': `import { shared } from './shared.js'; export const respond = (given) => new Response(String(given === shared))`,
    'shared.js': `export const shared = { of: 'both' }`,
  })
  const entry = readFileSync(join(built, 'index.mjs'), 'utf8')
  expect(entry.match(/export\s*\{[^}]*\}/g)).toEqual([expect.stringMatching(/^export\s*\{\s*\w+ as default\s*\}$/)])
})

test('a require() for a module of the platform becomes an import; another that is left does not build', async () => {
  const common = (name: string) => ({
    'index.js': `import late from './common.cjs'; export default { fetch: () => new Response(late()) }`,
    'common.cjs': `module.exports = () => require('${name}').name`,
  })
  await build(common('node:stream'))
  expect(readFileSync(join(built, 'index.mjs'), 'utf8')).toMatch(/\bfrom\s*["']node:stream["']/)
  await expect(build(common('cloudflare:sockets'))).rejects.toThrow('A require() is left')
})
