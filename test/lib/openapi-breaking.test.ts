import { expect, test } from 'vitest'
import { acknowledgements, breakingChanges } from '../../scripts/openapi/breaking.ts'
import { type Surface, surfaceOf } from '../../scripts/openapi/surface.ts'

/** A small document. What a test changes is a fresh copy. */
const document = (): Surface => ({
  paths: {
    '/notes': {
      post: {
        security: [{ bearer: [] }, { api_key: [] }],
        parameters: [{ name: 'dry', in: 'query', schema: { type: 'string' } }],
        requestBody: { required: false, content: json('NewNote') },
        responses: { 201: { content: json('Note') }, 404: { content: json('Problem') }, 422: {} },
      },
    },
  },
  components: {
    schemas: {
      NewNote: {
        type: 'object',
        properties: {
          text: { type: 'string', maxLength: 100 },
          kind: { type: 'string', enum: ['plain', 'rich'] },
          parts: { type: 'array', items: { anyOf: [part('a'), part('b')] } },
        },
        required: ['text'],
        additionalProperties: false,
      },
      Note: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          title: { anyOf: [{ $ref: '#/components/schemas/Title' }, { type: 'null' }] },
          parent: { $ref: '#/components/schemas/Note' },
          description: { type: 'string', enum: ['long'] },
        },
        required: ['id', 'title'],
      },
      Title: { type: 'string' },
      Problem: { type: 'object', properties: { code: { type: 'string' } }, required: ['code'] },
    },
  },
})
const json = (name: string) => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } })
const part = (type: string) => ({ type: 'object', properties: { type: { const: type, type: 'string' } } })

type Change = (
  document: Surface,
  schemas: Record<string, NonNullable<Surface['components']['schemas'][string]>>,
) => void

const changesOf = (change: Change) => {
  const after = document()
  change(after, after.components.schemas)
  return breakingChanges(surfaceOf(document()), surfaceOf(after))
}
const create = (after: Surface) => after.paths['/notes']!.post!

test('nothing is broken by what is the same, or by more', () => {
  expect(changesOf(() => {})).toEqual([])
  const more: Change = (after, { NewNote, Note, Title }) => {
    after.paths['/notes']!.get = create(document())
    create(after).parameters!.push({ name: 'lang', in: 'query', schema: { type: 'string' } })
    create(after).responses['202'] = { content: json('Note') }
    delete create(after).responses['422']
    create(after).security.push({ password: [] })
    NewNote!.properties!.colour = { type: 'string' }
    NewNote!.properties!.text = { type: ['string', 'null'], maxLength: 200 }
    NewNote!.properties!.kind!.enum!.push('raw')
    NewNote!.required = []
    Note!.properties!.colour = { type: 'string' }
    Note!.properties!.description!.enum!.push('short')
    Note!.required!.push('parent')
    Title!.maxLength = 10
  }
  expect(changesOf(more)).toEqual([])
})

test.each<[string, Change]>([
  ['POST /notes: is gone', (after) => delete after.paths['/notes']!.post],
  ['POST /notes: is gone', (after) => delete after.paths['/notes']],
  ['POST /notes: does not answer 201 any more', (after) => delete create(after).responses['201']],
  [
    'POST /notes, 201: is not application/json any more',
    (after) => Object.assign(create(after).responses, { 201: {} }),
  ],
  ['POST /notes: does not take api_key any more', (after) => create(after).security.pop()],
  ['POST /notes: needs a body now', (after) => Object.assign(create(after).requestBody!, { required: true })],
  ['POST /notes: needs the query dry now', (after) => Object.assign(create(after).parameters![0]!, { required: true })],
  [
    'POST /notes: needs the header if-match now',
    (after) => create(after).parameters!.push({ name: 'if-match', in: 'header', required: true }),
  ],
  ['POST /notes: does not know the query dry any more', (after) => create(after).parameters!.pop()],
  ['NewNote in requests: kind is needed now', (_, { NewNote }) => NewNote!.required!.push('kind')],
  ['NewNote in requests: kind is gone', (_, { NewNote }) => delete NewNote!.properties!.kind],
  [
    'NewNote in requests.kind: does not take "rich" any more',
    (_, { NewNote }) => NewNote!.properties!.kind!.enum!.pop(),
  ],
  [
    'NewNote in requests.text: takes only "x" now',
    (_, { NewNote }) => Object.assign(NewNote!.properties!.text!, { enum: ['x'] }),
  ],
  [
    'NewNote in requests.text: its maxLength is 99 now',
    (_, { NewNote }) => Object.assign(NewNote!.properties!.text!, { maxLength: 99 }),
  ],
  [
    'NewNote in requests.text: its minLength is 1 now',
    (_, { NewNote }) => Object.assign(NewNote!.properties!.text!, { minLength: 1 }),
  ],
  [
    'NewNote in requests.text: its pattern is ^a$ now',
    (_, { NewNote }) => Object.assign(NewNote!.properties!.text!, { pattern: '^a$' }),
  ],
  [
    'NewNote in requests.text: may not be string any more',
    (_, { NewNote }) => Object.assign(NewNote!.properties!, { text: { type: 'integer' } }),
  ],
  [
    'NewNote in requests.parts[]: is not b any more',
    (_, { NewNote }) => NewNote!.properties!.parts!.items!.anyOf!.pop(),
  ],
  ['Note in answers: id is gone', (_, { Note }) => delete Note!.properties!.id],
  ['Note in answers: id may be missing now', (_, { Note }) => Note!.required!.shift()],
  [
    'Note in answers.id: may be null now',
    (_, { Note }) => Object.assign(Note!.properties!.id!, { type: ['string', 'null'] }),
  ],
  ['Note in answers: description is gone', (_, { Note }) => delete Note!.properties!.description],
  ['Title in answers: may be integer now', (_, { Title }) => Object.assign(Title!, { type: ['string', 'integer'] })],
  ['Problem in answers: code is gone', (_, { Problem }) => delete Problem!.properties!.code],
])('%s', (line, change) => {
  expect(changesOf(change)).toContain(line)
})

test('a way in that was open to everybody and is not is a change, and the other way round is none', () => {
  const closed = document()
  const opened = document()
  create(opened).security = []
  expect(breakingChanges(opened, closed)).toEqual(['POST /notes: takes credentials now'])
  expect(breakingChanges(closed, opened)).toEqual([])
})

test('what is acknowledged stands under what is unreleased, with a reason', () => {
  const text = [
    '# Changes',
    '## 1.1, unreleased',
    '* `GET /d` is new, and quite quick',
    '* **Breaks** `GET /a: is gone`: nobody has called it for a year',
    '* **Breaks** `GET /b: is gone`: why',
    '## 1.0',
    '* **Breaks** `GET /c: is gone`: nobody has called it for a year',
  ].join('\n')
  expect(acknowledgements(text)).toEqual(['GET /a: is gone'])
  expect(acknowledgements('# Changes')).toEqual([])
})
