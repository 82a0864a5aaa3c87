import { env } from 'cloudflare:workers'
import { beforeEach, expect, test, vi } from 'vitest'
import { newChatbot, newKeyHolder } from '../support/chatbots.ts'
import { signIn, startConversation, until } from '../support/client.ts'
import { signInWith } from '../support/plans.ts'
import { reply, script } from '../support/upstream.ts'

// wrangler.toml names the binding in a comment; vitest.config.ts has it.
const { ANALYTICS } = env as unknown as { ANALYTICS: AnalyticsEngineDataset }
const points: AnalyticsEngineDataPoint[] = []

beforeEach(() => {
  points.length = 0
  vi.spyOn(ANALYTICS, 'writeDataPoint').mockImplementation((point) => void points.push(point!))
})

const ofKind = (kind: string) => points.filter(({ blobs }) => blobs![0] === kind)
const runPoint = () => until(async () => ofKind('run')[0])
const positive = expect.toSatisfy((value: number) => value >= 0)

test('each request is one point: the route as it is declared, and no name, id or address of anybody', async () => {
  const ada = await signIn()
  const id = await startConversation(ada)
  points.length = 0
  await ada('GET', `/conversations/${id}?limit=5`)
  await ada('GET', '/nowhere')
  expect(points).toEqual([
    {
      indexes: ['/api/v1/conversations/:id'],
      blobs: ['request', 'GET', '/api/v1/conversations/:id'],
      doubles: [positive, 200, 1, positive, 0],
    },
    { indexes: [''], blobs: ['request', 'GET', ''], doubles: [positive, 404, 0, 0, 0] },
  ])
})

test('each run that ends is one point, however it was made and however it ended', async () => {
  const ada = await signInWith()
  const bot = await newKeyHolder(ada, (await newChatbot(ada, { model: 'gpt-4o-mini' })).id)
  const good = await script(reply(20))
  await ada('POST', `/conversations/${await startConversation(ada)}/messages`, { content: good.prompt })
  expect(await runPoint()).toEqual({
    indexes: ['gpt-4o-mini'],
    blobs: ['run', 'reply', 'gpt-4o-mini', 'completed', ''],
    doubles: [positive, positive, positive, 20, positive, 1],
  })
  const [ms, firstTokenMs] = ofKind('run')[0]!.doubles!
  expect(firstTokenMs).toBeLessThanOrEqual(ms!)

  points.length = 0
  const short = await script(reply(5))
  const messages = [{ role: 'user', content: short.prompt }]
  await bot('POST', '/v1/chat/completions', { model: 'default', messages, store: false })
  expect(await runPoint()).toMatchObject({ blobs: ['run', 'gateway', 'gpt-4o-mini', 'completed', ''] })

  points.length = 0
  const bad = await script([{ status: 401 }])
  await ada('POST', `/conversations/${await startConversation(ada)}/messages`, { content: bad.prompt })
  expect(await runPoint()).toEqual({
    indexes: ['gpt-4o-mini'],
    blobs: ['run', 'reply', 'gpt-4o-mini', 'failed', 'upstream_auth'],
    doubles: [positive, -1, 0, 0, 0, 1],
  })
  expect(JSON.stringify(points)).not.toContain(ada.user.id)
})
