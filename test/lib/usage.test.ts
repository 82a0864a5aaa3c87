import { expect, test } from 'vitest'
import { readModels } from '../../src/ai/models.ts'
import { usageOf } from '../../src/features/runs/usage.ts'

const models = readModels({ OPENAI_API_KEY: 'k' })
const model = (id: string) => (Array.isArray(models) ? models.find((one) => one.id === id) : undefined)

test('an answer that broke off costs all that was held where the model hides what it thinks, and else what came', () => {
  const cancelled = { ending: 'cancelled' as const, started: true, reserved: 4_000, calls: 1 }
  const uses = [{ inputTokens: 100, reserved: 4_000, made: 30, isFinal: false }]
  expect(usageOf({ ...cancelled, uses, model: model('o3') }).charged_tokens).toBe(4_000)
  expect(usageOf({ ...cancelled, uses, model: model('gpt-4.1') }).charged_tokens).toBe(110)
  const counted = [
    { inputTokens: 100, made: 30, isFinal: true, counts: { input: 90, cached: 0, output: 700, reasoning: 690 } },
  ]
  expect(usageOf({ ...cancelled, uses: counted, model: model('o3') }).charged_tokens).toBe(790)
  // What was counted to its end stays as it was, whatever became of the next call.
  const second = { inputTokens: 500, reserved: 900, made: 3, isFinal: false }
  const both = { ...cancelled, reserved: 8_000, uses: [...counted, second], model: model('o3') }
  expect(usageOf(both).charged_tokens).toBe(790 + 900)
})
