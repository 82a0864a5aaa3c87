import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Fault } from '../support/faults.ts'
import { inForm } from '../support/form.ts'
import { openSite, type Site, told } from '../support/site.ts'

const MB = 1024 * 1024

/** R2 has twenty seconds for a step, and an upload that fails takes away what there may be of it: another step. */
const SILENCE_MS = 55_000

let site: Site

beforeAll(async () => {
  site = await openSite()
})
afterEach(() => site.heal())
afterAll(() => site.close())

const put = (bytes: Uint8Array<ArrayBuffer>, headers = {}) => ({ method: 'PUT', bytes, headers })
const files = async () => (await site.ada.ask('/api/v1/files?limit=100')).body.length
const usedBytes = async () => (await site.ada.ask('/api/v1/user/usage')).body.storage.used

test.each<[string, Fault]>([
  ['down', { how: 'down' }],
  ['overloaded', { how: 'overloaded' }],
])('while R2 is %s what needs it is 502, nothing is half there, and all else works', async (_, r2) => {
  const { ada } = site
  const [there, used] = [await files(), await usedBytes()]
  await site.fail({ r2 })
  for (const size of [1_000, 6 * MB]) {
    expect(await told(ada, '/api/v1/upload?filename=a.bin', put(new Uint8Array(size)))).toMatchObject({
      status: 502,
      code: 'file_store_failed',
    })
  }
  expect(await told(ada, `/api/v1/files/${site.file}/content`)).toMatchObject({
    status: 502,
    code: 'file_store_failed',
  })
  expect([await files(), await usedBytes()]).toEqual([there, used])
  expect(
    await told(ada, `/api/v1/conversations/${site.conversation}/messages`, { json: { content: 'Hello' } }),
  ).toMatchObject({ status: 201 })
  await site.heal()
  expect(await told(ada, `/api/v1/files/${site.file}/content`)).toMatchObject({ status: 200 })
  expect(await told(ada, '/api/v1/upload?filename=a.bin', put(new Uint8Array(6 * MB)))).toMatchObject({ status: 201 })
  await site.swept()
})

test('while R2 says nothing what needs it is 502 in the end, and nothing is half there', {
  timeout: 180_000,
}, async () => {
  const [there, used] = [await files(), await usedBytes()]
  await site.fail({ r2: { how: 'silent' } })
  const bytes = inForm<number[]>([], [1_000, 6 * MB]).map((size) => new Uint8Array(size))
  const asks = [
    ...bytes.map((each) => ['/api/v1/upload?filename=a.bin', put(each)] as const),
    [`/api/v1/files/${site.file}/content`, {}] as const,
  ]
  const answers = await Promise.all(asks.map(([path, ask]) => told(site.ada, path, { ...ask, patienceMs: SILENCE_MS })))
  expect(answers.map(({ status, code }) => `${status} ${code}`)).toEqual(asks.map(() => '502 file_store_failed'))
  await site.heal()
  expect([await files(), await usedBytes()]).toEqual([there, used])
  await site.swept()
})

test('a file that is deleted while R2 is down is gone, and its object is when the sweeper was there', async () => {
  const { body } = await site.ada.ask('/api/v1/upload?filename=a.bin', put(new Uint8Array(100)))
  await site.fail({ r2: { how: 'down' } })
  expect((await told(site.ada, `/api/v1/files/${body.id}`, { method: 'DELETE' })).status).toBe(204)
  expect((await told(site.ada, `/api/v1/files/${body.id}`)).status).toBe(404)
  await site.heal()
  await site.swept()
})

test.each(['down', 'answer lost'] as const)(
  'whichever call of R2 is %s, an upload is whole or not there, and can be made again',
  async (how) => {
    for (const [size, calls] of [
      [1_000, 2],
      [6 * MB, 6],
    ] as const) {
      for (let after = 0; after < calls; after++) {
        const bytes = new Uint8Array(size).fill(after + 1)
        const ask = put(bytes, { 'idempotency-key': crypto.randomUUID() })
        const there = await files()
        await site.fail({ r2: { how, after, times: 1 } })
        const first = await told(site.ada, '/api/v1/upload?filename=a.bin', ask)
        expect([201, 502]).toContain(first.status)
        expect(await files()).toBe(there + (first.status === 201 ? 1 : 0))
        await site.heal()
        const { status, body } = await site.ada.ask('/api/v1/upload?filename=a.bin', ask)
        expect([status, body.sha256]).toEqual([201, createHash('sha256').update(bytes).digest('hex')])
        expect(await files()).toBe(there + 1)
      }
    }
    await site.swept()
  },
)

test('an upload in pieces goes on where it was when R2 was down in between', async () => {
  const bytes = new Uint8Array(11 * MB).map((_, at) => at % 251)
  const tus = { 'tus-resumable': '1.0.0' }
  const created = await site.ada.once('/api/v1/uploads', {
    method: 'POST',
    headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': `filename ${btoa('a.bin')}` },
  })
  const path = new URL(created.headers.get('location')!, site.server.url).pathname
  const patch = async (offset: number) => {
    const headers = { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' }
    return told(site.ada, path, { method: 'PATCH', bytes: bytes.slice(offset, offset + 4 * MB), headers })
  }
  const offset = async () =>
    Number((await site.ada.once(path, { method: 'HEAD', headers: tus })).headers.get('upload-offset'))
  for (let nth = 0; (await offset()) < bytes.length; nth++) {
    await site.fail({ r2: { how: 'down', after: nth % 4, times: 1 } })
    await patch(await offset())
    await site.heal()
    if (nth % 2 === 1) await patch(await offset())
    expect(nth).toBeLessThan(30)
  }
  const id = path.split('/').at(-1)!
  expect((await site.ada.ask(`/api/v1/files/${id}`)).body.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
  await site.swept()
})
