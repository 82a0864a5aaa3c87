import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { strToU8, zlibSync } from 'fflate'
import { expect, inject, test } from 'vitest'
import { modulesIn } from '../../scripts/bundle/build.ts'
import { linesOf, PDF, pdfOfPages } from '../support/documents.ts'
import { newState } from '../support/migrated-state.ts'
import { type ServerUser, signIn, until } from '../support/server-user.ts'
import { CONTROL, setFaults } from './support/faults.ts'
import { startServer } from './support/server.ts'

test('nothing in what is deployed can be made to fail', async () => {
  const built = inject('builtWorker')
  const files = modulesIn(built)
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

test('what is deployed reads PDFs, and unpacks none without end', async () => {
  const server = await startServer({ state: newState() })
  try {
    const user = await signIn(server.url)
    expect(await statusOfText(user, pdfOfPages([linesOf('Hello')]))).toBe('ready')
    const bomb = zlibSync(strToU8(' '.repeat(96 * 1024 * 1024)), { level: 9 })
    const pages = pdfOfPages([{ dict: '/Filter /FlateDecode', stream: bomb }])
    // An unbounded reader finds an empty page.
    expect(await statusOfText(user, pages)).toBe('failed')
  } finally {
    await server.stop()
    rmSync(server.state, { recursive: true, force: true })
  }
})

async function statusOfText(user: ServerUser, pdf: Uint8Array<ArrayBuffer>): Promise<string> {
  const headers = { 'content-type': PDF }
  const file = await user.open('/upload?filename=a.pdf', { method: 'PUT', raw: pdf, headers })
  expect(file.status).toBe(201)
  const { id } = (await file.json()) as { id: string }
  return until(20_000, async () => {
    const { text_status } = await user.json(`/files/${id}`)
    return text_status !== 'processing' && text_status
  })
}
