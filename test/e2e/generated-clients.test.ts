import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { typesOf, writeHeyApiClient } from '../../scripts/openapi/clients.ts'
import { newState } from '../support/migrated-state.ts'

// Programs that were written against clients generated from the document: they compile under `strict`, and they work.

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const programs = join(import.meta.dirname, 'clients')
const generated = join(programs, 'generated')
const document = join(root, 'docs/openapi.json')

let server: LocalServer
const folder = newState()

beforeAll(async () => {
  rmSync(generated, { recursive: true, force: true })
  mkdirSync(generated)
  writeFileSync(join(generated, 'schema.d.ts'), await typesOf(JSON.parse(readFileSync(document, 'utf8'))))
  await writeHeyApiClient(document, join(generated, 'hey-api'))
  server = await startServer({ persistTo: folder, isMigrated: true, vars: { PASSWORD_COST: '4' } })
})

afterAll(async () => {
  await server.stop()
  for (const made of [folder, generated]) rmSync(made, { recursive: true, force: true })
})

test('programs and the clients that are generated for them compile under strict', async () => {
  const compiled = await run('tsc', ['-p', programs]).catch((error) => error)
  expect(compiled.stdout).toBe('')
})

for (const name of ['openapi-fetch', 'hey-api']) {
  test(`with ${name} somebody registers, says something, reads it back, and is told what is not there`, async () => {
    const program = join(folder, `${name}.mjs`)
    await build({
      entryPoints: [join(programs, `${name}.ts`)],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
    })
    const { stdout } = await run('node', [program, server.url])
    const told = JSON.parse(stdout)
    expect(told).toMatchObject({ said: ['user completed', 'assistant completed'], missing: [404, 'not_found'] })
    expect(told.reply).not.toBe('')
  })
}
