import { globSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChannelEvent, connect } from '../../clients/realtime/client.ts'
import { talkInChannel, talkToModel } from '../../scripts/smoke/checks.ts'
import { signIn, until } from '../support/server-user.ts'
import { startTwoWorkers } from '../support/two-workers.ts'

let workers: Awaited<ReturnType<typeof startTwoWorkers>>

beforeAll(async () => {
  workers = await startTwoWorkers({ PASSWORD_COST: '4', OFFLINE_TOKEN_MS: '0' })
})

afterAll(async () => workers.close())

test('the Worker of channels and sockets has nothing of the API', () => {
  const [api, realtime] = ['worker', 'realtime'].map((name) =>
    globSync(`dist/${name}/**/*.map`).flatMap((map) => JSON.parse(readFileSync(map, 'utf8')).sources as string[]),
  )
  const ofApi = (source: string) =>
    /\bsrc\/(app\.ts|areas\/|cron\.ts|features\/\w+\/routes|features\/runs\/runner\.ts)/.test(source)
  expect(api!.filter(ofApi).length).toBeGreaterThan(30)
  expect(realtime!.filter(ofApi)).toEqual([])
  expect(realtime!.some((source) => source.endsWith('src/features/channels/channel.ts'))).toBe(true)
})

test('a reply is streamed and resumed, and a message comes over a socket of the other Worker', async () => {
  const { url } = workers
  const account = { url, api: `${url}/api/v1`, token: (await signIn(url)).token }
  await talkToModel(account)
  await talkInChannel(account)
})

test('a chatbot answers in a channel: each Worker calls the objects of the other', async () => {
  const ada = await signIn(workers.url)
  const handle = `bot${crypto.randomUUID().slice(0, 8)}`
  const bot = await ada.json('/chatbots', { body: { name: 'Helper', handle, model: 'parley-offline' } })
  const channel = await ada.json('/channels', { body: { name: 'Questions' } })
  await ada.json(`/channels/${channel.id}/members`, { body: { chatbot_id: bot.id } })
  const heard: ChannelEvent[] = []
  const client = connect({ url: workers.url, token: () => ada.token, onEvent: (event) => heard.push(event) })
  try {
    const asked = await client.send(channel.id, `@${handle} hello`)
    const answer = await until(20_000, async () =>
      heard.find((event) => event.type === 'message' && event.data.user.kind === 'chatbot'),
    )
    expect(answer.data).toMatchObject({ thread_id: asked.messageId, content: expect.stringContaining('hello') })
  } finally {
    client.close()
  }
})
