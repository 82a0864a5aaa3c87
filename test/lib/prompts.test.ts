import { expect, test } from 'vitest'
import { newestWithin, promptOf, type Said, sayingTokens, windowFor } from '../../src/ai/context-window.ts'
import { readModels } from '../../src/ai/models.ts'
import type { ChatMessage } from '../../src/ai/provider.ts'
import { partOf, type ShownFile } from '../../src/ai/shown-files.ts'
import type { Target } from '../../src/ai/targets.ts'
import type { Job } from '../../src/features/runs/job.ts'
import { targetsFor } from '../../src/features/runs/model-choice.ts'

const MODELS = readModels({
  OPENAI_API_KEY: 'k',
  MODELS: JSON.stringify(
    [{ id: 'sees', vision: true, picture_tokens: 10_000, fallback: 'blind' }, { id: 'blind' }].map((model) => ({
      context: 100_000,
      max_output: 1_000,
      default_output: 1_000,
      ...model,
    })),
  ),
}) as Exclude<ReturnType<typeof readModels>, { fault: string }>
const [sees, blind] = MODELS as [(typeof MODELS)[number], (typeof MODELS)[number]]

let count = 0
const picture = (size: number, more: Partial<ShownFile> = {}): ShownFile => {
  const id = `f${++count}`
  const file = {
    id,
    mark: id,
    name: `${id}.png`,
    mediaType: 'image/png',
    size,
    objectKey: id,
    text: null,
    isWhole: null,
  }
  return { ...file, part: partOf(file), ...more }
}
const said = (content: string, ...files: ShownFile[]): Said => ({
  role: 'user',
  content,
  files,
  tokens: sayingTokens({ content, files }),
})
const prompt = (messages: Said[], model = sees) =>
  promptOf({ model, instructions: [], said: messages, now: undefined, length: messages.length })
const picturesIn = ({ messages }: ReturnType<typeof prompt>) =>
  messages.map((message) => (message.role === 'user' ? (message.pictures ?? []).map(({ objectKey }) => objectKey) : []))
const shownIn = ({ context }: ReturnType<typeof prompt>) => context.files!.map(({ shown }) => shown)

test('a picture is sent once, with the newest message that has it', () => {
  const one = picture(1_000)
  const built = prompt([said('a', one), said('b', one), said('c')])
  expect(picturesIn(built)).toEqual([[], [one.id], []])
  expect(shownIn(built)).toEqual(['included', 'included'])
})

test('of pictures that are too much together the newest are sent, and none to a model that sees nothing', () => {
  const [old, middle, young] = [picture(3_000_000), picture(4_000_000), picture(3_000_000)]
  const messages = [said('a', old), said('b', middle, young)]
  expect(picturesIn(prompt(messages))).toEqual([[], [middle.id, young.id]])
  expect(shownIn(prompt(messages))).toEqual(['named', 'included', 'included'])
  expect(picturesIn(prompt(messages, blind))).toEqual([[], []])
  expect(shownIn(prompt(messages, blind))).toEqual(['named', 'named', 'named'])
})

test('a picture above 4 MB, an empty one, and what providers take for none are named', () => {
  const parts = [picture(4_000_000), picture(4_000_001), picture(0)].map(({ part }) => part)
  expect(parts).toEqual(['image', 'name', 'name'])
  expect(partOf({ mediaType: 'image/svg+xml', size: 10, text: null })).toBe('name')
  expect(partOf({ mediaType: 'image/svg+xml', size: 10, text: '<svg/>' })).toBe('text')
})

test('what a model counts for a picture is counted in its window', () => {
  const file = picture(1_000)
  const spread =
    windowFor(sees, { content: 'a', files: [file] }).message - windowFor(blind, { content: 'a', files: [file] }).message
  expect(spread).toBe(10_000 - 1_445)
  const messages = [said('a', file), said('b', file), said('c')]
  const both = newestWithin(25_000, sees, messages)
  expect(both).toHaveLength(3)
  expect(prompt(both).context.tokens).toBeGreaterThan(20_000)
  expect(newestWithin(15_000, sees, messages)).toHaveLength(2)
  expect(newestWithin(15_000, blind, messages)).toHaveLength(3)
})

test('a run tells of the newest fifty files', () => {
  const files = Array.from({ length: 60 }, () => picture(10, { part: 'name' }))
  const built = prompt([said('a', ...files)])
  expect(built.context.files!.map(({ id }) => id)).toEqual(files.slice(10).map(({ id }) => id))
})

test('a fallback that sees nothing does not answer what is about a picture', () => {
  const asked = (messages: ChatMessage[], targets?: Target[]) =>
    targetsFor({ run: { model: 'sees' }, searches: false, messages, targets } as unknown as Job, { MODELS })
  const ids = (targets: Target[]) => targets.map(({ id }) => id)
  expect(ids(asked(prompt([said('a')]).messages))).toEqual(['sees', 'blind'])
  expect(ids(asked(prompt([said('a', picture(10))]).messages))).toEqual(['sees'])
  const parts = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }]
  const verbatim: ChatMessage[] = [{ role: 'user', content: '', verbatim: { role: 'user', content: parts } }]
  expect(ids(asked(verbatim))).toEqual(['sees'])
  // Whoever comes first was chosen for it.
  expect(ids(asked(verbatim, [blind, sees, blind]))).toEqual(['blind', 'sees'])
})
