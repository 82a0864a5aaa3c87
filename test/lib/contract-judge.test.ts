import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wholeApp } from '../../src/app.ts'
import { describeApi } from '../../src/features/system/routes/document.ts'
import { faultsOf } from '../contract/faults.ts'
import { judgeFor } from '../contract/judge.ts'
import { type Asker, answerOf, type Sent } from '../contract/requests.ts'
import { checkByAjv, type Schema } from '../contract/schemas.ts'
import { valuesOf } from '../contract/values.ts'
import { type Document, operationsOf } from '../support/contract.ts'

// What would be found, by answers that no server gives. Otherwise a test of thousands of answers passes that looks at none.

const document = JSON.parse(JSON.stringify(describeApi(await wholeApp()))) as Document
const judge = judgeFor(document)

const ID = '019b76da-a800-7000-8000-000000000000'
const ADA: Asker = { name: 'owner', username: `u${'a'.repeat(16)}`, mark: `private-${'a'.repeat(16)}` }
const BOB = { username: `u${'b'.repeat(16)}`, mark: `private-${'b'.repeat(16)}` }

const GENERAL = {
  'x-request-id': ID,
  'x-content-type-options': 'nosniff',
  'server-timing': 'total',
  ratelimit: '"api";r=1;t=1',
  'ratelimit-policy': '"api";q=1;w=60',
}
const JSON_TYPE = { 'content-type': 'application/json' }
const PROBLEM_TYPE = { 'content-type': 'application/problem+json; charset=utf-8' }
const MOMENT = '2026-01-01T00:00:00.000Z'

const project = {
  id: ID,
  name: 'Thesis',
  description: null,
  color: 'blue',
  instructions: null,
  model: null,
  conversations: [],
  created_at: MOMENT,
  updated_at: MOMENT,
}
const problem = (status: number, more: object = {}) => ({
  type: 'urn:parley:problem:x',
  title: 'Wrong',
  status,
  detail: 'Wrong',
  code: 'x',
  request_id: ID,
  ...more,
})

/** What is said of an answer to `method path`; nothing when it is as it should be. */
async function said(
  path: string,
  status: number,
  body?: unknown,
  headers: object = JSON_TYPE,
  more: Partial<Sent> = {},
) {
  const sent: Sent = { by: ADA, method: 'GET', url: `http://localhost/api/v1${path}`, headers: {}, ...more }
  const text = body === undefined || typeof body === 'string' ? (body ?? '') : JSON.stringify(body)
  const answer = answerOf(status, new Headers({ ...GENERAL, ...headers }), text)
  return judge(sent, answer).then(
    () => undefined,
    (error: Error) => error.message,
  )
}

const PROJECT = `/projects/${ID}`
const RUN = `/runs/${ID}/events`
const STREAM = { 'content-type': 'text/event-stream; charset=utf-8', 'x-run-id': ID }
const completed = { type: 'run.completed', seq: 1, run_id: ID, finish_reason: 'stop', persisted: true }
const framed = (event: string, data: object) => `id: 1\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`

test('an answer that is as the document says passes', async () => {
  expect(await said(PROJECT, 200, project)).toBeUndefined()
  expect(await said(PROJECT, 404, problem(404), PROBLEM_TYPE)).toBeUndefined()
  expect(await said(PROJECT, 204, undefined, {}, { method: 'DELETE' })).toBeUndefined()
  expect(await said(PROJECT, 405, problem(405), { ...PROBLEM_TYPE, allow: 'GET' }, { method: 'POST' })).toBeUndefined()
  const envelope = { code: 200, message: 'Success', data: project }
  const enveloped = { ...JSON_TYPE, 'preference-applied': 'envelope' }
  expect(await said(PROJECT, 200, envelope, enveloped)).toBeUndefined()
  expect(await said(PROJECT, 200, { ...envelope, code: 201 }, enveloped)).toMatch('the envelope has another code')
})

test.for<[string, Parameters<typeof said>, string]>([
  ['an undeclared status', [PROJECT, 202, project], 'is not declared'],
  ['a 500', [PROJECT, 500, problem(500), PROBLEM_TYPE], 'a 500, with nothing broken'],
  ['a 503', [PROJECT, 503, problem(503), { ...PROBLEM_TYPE, 'retry-after': '1' }], 'a 503, with nothing broken'],
  ['a field too many', [PROJECT, 200, { ...project, owner_id: ID }], 'must NOT have additional properties'],
  ['a field too few', [PROJECT, 200, { ...project, color: undefined }], "must have required property 'color'"],
  ['a field of another form', [PROJECT, 200, { ...project, id: '1' }], 'must match format "uuid"'],
  [
    'an undeclared header',
    [PROJECT, 200, project, { ...JSON_TYPE, 'x-owner': ID }],
    'the header x-owner is not declared',
  ],
  ['a header of others', [PROJECT, 200, project, { ...JSON_TYPE, etag: '"1"' }], 'must not have the header ETag'],
  ['another media type', [PROJECT, 200, '<p>', { 'content-type': 'text/html' }], 'must not be text/html'],
  ['a body where none is', [PROJECT, 204, {}, JSON_TYPE, { method: 'DELETE' }], 'must have no body'],
  ['a 401 that does not say how', [PROJECT, 401, problem(401), PROBLEM_TYPE], 'a 401 without WWW-Authenticate'],
  ['a 405 that does not say what', [PROJECT, 405, problem(405), PROBLEM_TYPE, { method: 'POST' }], 'without Allow'],
  ['a problem of another status', [PROJECT, 404, problem(400), PROBLEM_TYPE], 'the problem says 400'],
  ['a success where nothing is', ['/nothing', 200, {}], 'a 200 where nothing is declared'],
])('%s is found', async ([, answer, fault]) => {
  expect(await said(...answer)).toContain(fault)
})

test.for<[string, Parameters<typeof said>]>([
  ['what somebody else wrote', ['/projects', 200, [{ ...project, name: `of ${BOB.mark}` }]]],
  ['the name of somebody else', ['/projects', 200, [{ ...project, name: BOB.username }]]],
  ['an access token', [PROJECT, 200, { ...project, name: `eyJ${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}` }]],
  ['an API key', [PROJECT, 200, { ...project, name: `parley_sk_${'A'.repeat(43)}_000000` }]],
  ['a password', [PROJECT, 200, { ...project, name: `secret-${'a'.repeat(24)}` }]],
  ['a hash of a password', [PROJECT, 200, { ...project, name: '$scrypt$ln=15,r=8,p=3$a$b' }]],
  [
    'a statement',
    [PROJECT, 404, problem(404, { detail: 'D1_ERROR: UNIQUE constraint failed: users.email' }), PROBLEM_TYPE],
  ],
  ['a stack', [PROJECT, 404, problem(404, { detail: 'TypeError: a\n at f (/src/app.ts:1:2)' }), PROBLEM_TYPE]],
])('%s in an answer is found', async ([, answer]) => {
  expect(await said(...answer)).toMatch(/what is somebody else|an access token|an API key|a password|of our insides/)
})

test('what is one’s own, was asked for, or is seen by an administrator is no leak', async () => {
  expect(await said('/projects', 200, [{ ...project, name: `${ADA.mark} ${ADA.username}` }])).toBeUndefined()
  const asked = { url: `http://localhost/api/v1${PROJECT}?x=${BOB.mark}` }
  expect(await said(PROJECT, 200, { ...project, name: BOB.mark }, JSON_TYPE, asked)).toBeUndefined()
  const admin = { by: { ...ADA, name: 'admin' } }
  expect(await said(PROJECT, 200, { ...project, name: BOB.mark }, JSON_TYPE, admin)).toBeUndefined()
})

test('a stream without its end, or with an event that is not as its name says, is found', async () => {
  const faults = await said(RUN, 200, framed('run.completed', { ...completed, owner: ID }), STREAM)
  expect(faults).toContain('run.completed: ')
  expect(await said(RUN, 200, framed('message.delta', { seq: 1 }), STREAM)).toContain('the stream breaks off after')
  expect(await said(RUN, 200, '', STREAM)).toContain('the stream breaks off after ""')
  expect(await said(RUN, 200, framed('run.invented', {}), STREAM)).toContain('is no event of the document')
})

test('what is made to be valid is so for every body of the document, and each kind of constraint is broken', () => {
  const broken = new Set<string>()
  const bodies = operationsOf(document).flatMap(({ operation }) => Object.entries(operation.requestBody?.content ?? {}))
  for (const [type, { schema }] of bodies) {
    if (!type.endsWith('json')) continue
    const property = fc.property(valuesOf(document, schema as Schema, {}), (value) => {
      expect(checkByAjv(document, schema, value)).toBeUndefined()
      // It gives none that is valid all the same.
      for (const fault of faultsOf(document, schema as Schema, value)) broken.add(fault.broken.split(':')[0]!)
    })
    fc.assert(property, { numRuns: 3, seed: 1 })
  }
  expect([...broken].sort()).toEqual(
    [
      ...['additionalProperties', 'enum', 'format', 'maxItems', 'maxLength', 'maximum', 'minItems', 'minLength'],
      ...['minProperties', 'minimum', 'pattern', 'required', 'text', 'type', 'uniqueItems'],
    ].sort(),
  )
}, 60_000)
