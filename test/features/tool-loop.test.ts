import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Model } from '../../src/ai/models.ts'
import { providerFor } from '../../src/ai/providers.ts'
import { configOf } from '../../src/env.ts'
import { generateWithTools } from '../../src/features/runs/tool-loop.ts'
import type { RunEvent } from '../../src/lib/run-events.ts'
import type { Step } from '../support/fake-openai.ts'
import { reply, script } from '../support/upstream.ts'

const config = configOf(env)
const find = (query: string): Step[] => [
  { call: { id: 'c1', name: 'web_search', arguments: JSON.stringify({ query }) } },
  { finish: 'tool_calls' },
  { done: true },
]

/** The loop with a model of so many tokens, of which the prompt takes 100. */
async function converse(context: number, content: string, maxOutputTokens: number) {
  const model = { ...config.MODELS[0]!, context } satisfies Model
  const events: Partial<RunEvent>[] = []
  const needs: { call: number; inputTokens: number; outputTokens: number }[] = []
  const generation = await generateWithTools({
    job: {
      run: { id: 'r', context: { sent: 1, dropped: 0, tokens: 100 } } as never,
      messages: [{ role: 'user', content }],
      searches: true,
      maxOutputTokens,
    },
    targets: [model],
    provider: (target) =>
      providerFor(target, config, { readPicture: async () => undefined, openSecret: async () => undefined }),
    config,
    signal: new AbortController().signal,
    onDelta: () => {},
    onTool: (event) => events.push(event),
    reserve: async (need) => {
      needs.push(need)
      return { outputTokens: need.outputTokens }
    },
    log: () => {},
  })
  return { generation, events, needs }
}

const long = { title: 'Page', url: 'https://example.com/', content: 'x'.repeat(10_000) }
const web = () => script([{ status: 200, json: { results: [long] } }])

test('what was found is cut to what the window of the model has left beside the answer', async () => {
  const model = await script(find((await web()).prompt), reply(2))
  const { generation, needs } = await converse(1_000, model.prompt, 400)
  expect(generation.finish).toBe('stop')
  const [need] = needs
  expect(need!.inputTokens + need!.outputTokens).toBeLessThanOrEqual(1_000)
  expect(need).toMatchObject({ call: 2, outputTokens: 400 - Math.ceil(generation.uses[0]!.made / 3) })
  const { messages } = (await model.calls())[1]!.body as { messages: { content: string }[] }
  expect(messages.at(-1)!.content.length).toBeGreaterThan(1_000)
})

test('where nothing fits beside the answer the model is told so', async () => {
  const model = await script(find((await web()).prompt), reply(2))
  const { generation, events } = await converse(500, model.prompt, 370)
  expect(generation.finish).toBe('stop')
  expect(events.at(-1)).toMatchObject({ ok: false, summary: 'There is no room for what was found' })
})

test('where not even that fits the reply ends', async () => {
  const model = await script(find((await web()).prompt), reply(2))
  const { generation, needs } = await converse(150, model.prompt, 40)
  expect([generation.finish, generation.fault?.code, needs]).toEqual([undefined, 'context_too_long', []])
})
