import { expect, test } from 'vitest'
import { toWireMessage } from '../../src/ai/openai-messages.ts'
import { collectToolCalls } from '../../src/ai/openai-tools.ts'
import { mergeSources } from '../../src/lib/sources.ts'

/** What is collected of such deltas, one after the other. */
function collect(...deltas: unknown[]) {
  const calls = collectToolCalls()
  for (const delta of deltas) calls.add(delta)
  return calls.collected()
}

const piece = (index: number | undefined, id: string | undefined, name: string | undefined, given: unknown) => [
  { index, id, type: 'function', function: { name, arguments: given } },
]

test('calls are put together from their pieces, also when they come in turns', () => {
  const calls = collect(
    piece(0, 'a', 'web_search', ''),
    piece(1, 'b', 'web_search', '{"q'),
    piece(0, undefined, undefined, '{"query":'),
    piece(1, undefined, undefined, '":2}'),
    piece(0, undefined, undefined, '1}'),
  )
  expect(calls).toEqual([
    { id: 'a', name: 'web_search', arguments: '{"query":1}' },
    { id: 'b', name: 'web_search', arguments: '{"q":2}' },
  ])
})

test('servers that number badly, or send objects, are understood', () => {
  const same = collect(piece(0, 'a', 'x', '{}'), piece(0, 'b', 'y', '{}'))
  expect(same.map(({ id, name }) => id + name)).toEqual(['ax', 'by'])
  const none = collect(piece(undefined, 'a', 'x', '{'), piece(undefined, undefined, undefined, '}'))
  expect(none).toEqual([{ id: 'a', name: 'x', arguments: '{}' }])
  expect(collect(piece(0, undefined, 'x', { query: 'news' }))).toEqual([
    { id: '', name: 'x', arguments: '{"query":"news"}' },
  ])
})

test('nonsense is no call, and names and texts are made fit to be stored', () => {
  expect(collect(null, 'x', [], [null, 1, 'x'], {})).toEqual([])
  expect(collect(piece(0, 'a\ud800', 'no such name', '\ud800'))).toEqual([
    { id: 'a\ufffd', name: 'unknown', arguments: '\ufffd' },
  ])
})

test('endless calls are bounded in number and length', () => {
  const many = Array.from({ length: 1_000 }, (_, at) => piece(at, `c${at}`, 'x', '{}'))
  expect(collect(...many)).toHaveLength(16)
  const long = collect(...Array.from({ length: 100 }, () => piece(0, 'a', 'x', 'y'.repeat(1_000))))
  expect(long[0]!.arguments).toHaveLength(16_384)
})

test('arguments that are no object go back as an empty one, which every server can read', async () => {
  const sent = async (given: string) => {
    const message = await toWireMessage(
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'a', name: 'x', arguments: given }],
      },
      { detail: 'auto', readPicture: async () => undefined },
    )
    return (message as { tool_calls: { function: { arguments: string } }[] }).tool_calls[0]!.function.arguments
  }
  expect(await Promise.all(['{"q":', '[1]', '', 'null', '{"q":1}'].map(sent))).toEqual([
    '{}',
    '{}',
    '{}',
    '{}',
    '{"q":1}',
  ])
})

test('sources are named once, the first twenty', () => {
  const source = (n: number) => ({ title: `t${n}`, url: `https://example.com/${n}` })
  const known = [source(1), source(2)]
  expect(mergeSources(known, [source(2), source(3), source(3)])).toEqual([source(1), source(2), source(3)])
  expect(
    mergeSources(
      known,
      Array.from({ length: 40 }, (_, at) => source(at)),
    ),
  ).toHaveLength(20)
})
