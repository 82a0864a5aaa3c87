import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { marker, reply, type Step, startFakeOpenAi } from '../../support/fake-openai.ts'
import { newState } from '../../support/migrated-state.ts'
import { type Faults, setFaults } from './faults.ts'
import { type Client, clientOf } from './insist.ts'
import { brokenAlways, unsettled, unswept } from './invariants.ts'
import { sweep } from './round.ts'
import { startServer } from './server.ts'
import { objectKeys, withD1, writeD1 } from './state.ts'

const RECOVERY_MS = 30_000

/** What a client was told, and when. */
export type Told = {
  status: number
  code: string | undefined
  retryAfter: string | null
  ms: number
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  body: any
}

export type Site = Awaited<ReturnType<typeof openSite>>

/** A server whose bindings can be made to fail, a model beside it, and somebody who has one of each thing. */
export async function openSite() {
  const state = newState()
  writeD1(state, 'UPDATE plans SET requests_per_minute = 1000000, runs_at_once = 1000')
  let model = await startFakeOpenAi()
  const modelPort = Number(new URL(model.url).port)
  const server = await startServer({
    state,
    canFail: true,
    vars: {
      OPENAI_BASE_URL: model.url,
      UPSTREAM_TRIES: '2',
      UPSTREAM_HEADERS_MS: '1500',
      UPSTREAM_FIRST_TOKEN_MS: '1500',
      UPSTREAM_IDLE_MS: '1500',
    },
  })
  const visitor = clientOf(server.url)
  const registered = await visitor.ask('/api/v1/auth/register', {
    json: { username: 'ada', password: 'correct-horse-battery' },
  })
  const token: string = registered.body.access_token
  const ada = clientOf(server.url, token)
  const made = async (path: string, json: object) => (await ada.ask(path, { json })).body.id as string
  await ada.ask('/api/v1/user/upgrade', { json: { plan: 'team' } })
  const conversation = await made('/api/v1/conversations', {})
  const bot = await made('/api/v1/chatbots', { name: 'Helper' })
  const key = (await ada.ask(`/api/v1/chatbots/${bot}/api-keys`, { json: { name: 'Key' } })).body.key as string
  const channel = await made('/api/v1/channels', { name: 'Crew' })
  const file = (await ada.ask('/api/v1/upload?filename=a.bin', { method: 'PUT', bytes: new Uint8Array(1_000) })).body
    .id as string

  const site = {
    server,
    visitor,
    ada,
    token,
    gateway: clientOf(server.url, key),
    conversation,
    channel,
    file,
    fail: (faults: Faults) => setFaults(server.url, faults),
    heal: () => setFaults(server.url),
    /** What is asked so that the model answers with these steps, and how often it was. */
    script(...attempts: Step[][]) {
      const id = model.script(attempts)
      return { content: `Go on ${marker(id)}`, calls: () => model.calls(id).length }
    },
    /** The model's server is gone. */
    stopModel: () => model.close(),
    async startModel() {
      model = await startFakeOpenAi({ port: modelPort })
    },
    /** Everything has come to its end, and nothing is left that is not so. Resolves with how long that took. */
    async recovered(): Promise<number> {
      const startedAt = Date.now()
      const left = () => withD1(state, (db) => [...brokenAlways(db), ...unsettled(db)])
      for (const end = startedAt + RECOVERY_MS; left().length > 0 && Date.now() < end; await sleep(300))
        await server.cron()
      expect(left()).toEqual([])
      return Date.now() - startedAt
    },
    /** The sweeper was there, and rows and objects are the same. */
    async swept(): Promise<void> {
      await sweep(server)
      expect(withD1(state, unswept)).toEqual([])
      const rows = withD1(state, (db) =>
        db
          .prepare('SELECT object_key FROM files')
          .all()
          .map((row) => row.object_key),
      )
      expect(objectKeys(state).sort()).toEqual(rows.sort())
    },
    async close() {
      await server.stop()
      await model.close().catch(() => {})
      rmSync(state, { recursive: true, force: true })
    },
  }
  return site
}

/** What one request is told, without insisting; 0 when that is nothing at all. */
export async function told(client: Client, path: string, ask: Parameters<Client['once']>[1] = {}): Promise<Told> {
  const startedAt = performance.now()
  const ms = () => Math.round(performance.now() - startedAt)
  const response = await client.once(path, ask).catch(() => undefined)
  if (!response) return { status: 0, code: undefined, retryAfter: null, ms: ms(), body: undefined }
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  const body = isJson ? JSON.parse(text) : text
  const code: string | undefined = body?.code ?? body?.error?.code
  return {
    status: response.status,
    code,
    retryAfter: response.headers.get('retry-after'),
    ms: performance.now() - startedAt,
    body,
  }
}

export { reply }
