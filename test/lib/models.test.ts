import { expect, test } from 'vitest'
import { type Model, readModels } from '../../src/ai/models.ts'

const ids = (settings: Parameters<typeof readModels>[0]) => (readModels(settings) as Model[]).map(({ id }) => id)

test('without a provider only the offline model is served', () => {
  expect(ids({})).toEqual(['parley-offline'])
  expect(ids({ OPENAI_MODEL: 'llama3.2' })).toEqual(['parley-offline'])
})

test('a key or a base URL is a provider, and its first model is the default', () => {
  expect(ids({ OPENAI_API_KEY: 'k' })).toEqual(['gpt-4o-mini', 'gpt-4.1', 'o3', 'parley-offline'])
  expect(ids({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' })[0]).toBe('gpt-4o-mini')
})

test('OPENAI_MODEL is the default, whether the table knows it or not', () => {
  expect(ids({ OPENAI_API_KEY: 'k', OPENAI_MODEL: 'llama3.2' })[0]).toBe('llama3.2')
  expect(ids({ OPENAI_API_KEY: 'k', OPENAI_MODEL: 'o3' })).toEqual(['o3', 'gpt-4o-mini', 'gpt-4.1', 'parley-offline'])
})

test('tools are for models that are known to call them', () => {
  const table = '[{"id":"a","context":8192,"max_output":2048,"default_output":1024,"tools":true}]'
  const withTools = (settings: Parameters<typeof readModels>[0]) =>
    (readModels({ OPENAI_API_KEY: 'k', ...settings }) as Model[]).filter(({ tools }) => tools).map(({ id }) => id)
  expect(withTools({})).toEqual(['gpt-4o-mini', 'gpt-4.1', 'o3', 'parley-offline'])
  expect(withTools({ OPENAI_MODEL: 'llama3.2' })).toEqual(['gpt-4o-mini', 'gpt-4.1', 'o3', 'parley-offline'])
  expect(withTools({ OPENAI_MODEL: 'o3' })).toContain('o3')
  expect(withTools({ MODELS: table })).toEqual(['a', 'parley-offline'])
})

test('MODELS replaces the table, and a broken one is a fault that does not repeat it', () => {
  const table = '[{"id":"mine","context":8192,"max_output":2048,"default_output":1024}]'
  expect(ids({ OPENAI_API_KEY: 'k', MODELS: table })).toEqual(['mine', 'parley-offline'])
  for (const MODELS of ['secret', '[]', '[{"id":"mine"}]', '{}']) {
    expect(readModels({ OPENAI_API_KEY: 'k', MODELS })).toEqual({ fault: expect.not.stringContaining('secret') })
  }
})
