import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { newState } from '../support/migrated-state.ts'
import { CONTROL, setFaults } from './support/faults.ts'
import { startServer } from './support/server.ts'

test('nothing in what is deployed can be made to fail', async () => {
  const built = inject('builtWorker')
  const files = readdirSync(built, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))
  expect(files.length).toBeGreaterThan(1)
  for (const name of files) expect(readFileSync(join(built, name), 'utf8')).not.toContain(CONTROL)

  const state = newState()
  const servers = [await startServer({ state }), await startServer({ state: newState(), canFail: true })]
  try {
    const ready = (url: string) => fetch(`${url}/api/v1/ready`).then(({ status }) => status)
    for (const { url } of servers) await setFaults(url, { d1: { how: 'down' } })
    expect(await Promise.all(servers.map(({ url }) => ready(url)))).toEqual([200, 503])
  } finally {
    for (const server of servers) {
      await server.stop()
      rmSync(server.state, { recursive: true, force: true })
    }
  }
})
