import fc from 'fast-check'
import { type Schema, typesOf } from './schemas.ts'
import { type Known, leftOut } from './values.ts'

/** A value that is only known when a case runs: of what it is about, by the name that its maker gave it. */
export class Ref {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export const ref = (name: string) => fc.constant(new Ref(name))

/** A text that nobody has used before: something that is only drawn when a case runs stands in it. */
export class Fresh {
  readonly start: string
  readonly end: string
  constructor(start: string, end: string) {
    this.start = start
    this.end = end
  }
}

const fresh = (start: RegExp, end: RegExp) => (schema: Schema) =>
  orNull(
    schema,
    fc.tuple(fc.stringMatching(start), fc.stringMatching(end)).map(([before, after]) => new Fresh(before, after)),
  )

/** The value, or null where that is allowed. */
const orNull = (schema: Schema, value: fc.Arbitrary<unknown>) =>
  typesOf(schema).includes('null') ? fc.oneof(value, fc.constant(null)) : value
const refOf = (name: string) => (schema: Schema) => orNull(schema, ref(name))
const some = (name: string) => () => fc.subarray([new Ref(name)])
const matching = (pattern: RegExp) => (schema: Schema) => orNull(schema, fc.stringMatching(pattern))

/** Of two users one would be refused for the name of the other. */
export const newName = fresh(/^[a-z0-9._-]{0,6}$/, /^[a-z0-9._-]{0,6}$/)
export const newEmail = fresh(/^[a-z0-9][a-z0-9_+-]{0,12}$/, /^@[a-z0-9]{1,12}\.(com|org|co\.uk)$/)
/** The document bounds it for readers only: the policy asks for more, and names what it misses (docs/accounts.md). */
export const newPassword = matching(/^[ -~é漢]{2}[A-Z]{2}[0-9]{2}[a-z ]{6,40}$/)
/** Words of three letters at least. */
const words = matching(/^[a-z]{3,9}( [a-zé漢]{3,9}){0,3}$/)

/** Fields of which the document says less than there is, and what is there of them. */
export const KNOWN: Known = {
  username: newName,
  email: newEmail,
  password: newPassword,
  new_password: newPassword,
  /** Nothing is given for an account that changes no email. */
  current_password: leftOut,
  handle: fresh(/^[a-z0-9][a-z0-9._-]{0,6}$/, /^[a-z0-9._-]{0,6}[a-z0-9]$/),
  model: (schema) => orNull(schema, fc.constant('parley-offline')),
  models: () => fc.subarray(['parley-offline']),
  plan: () => fc.constantFrom('free', 'pro', 'team'),
  project_id: refOf('project'),
  files: some('file'),
  attachments: some('file'),
  /** The same word is the same message, for ever. */
  nonce: fresh(/^[A-Za-z0-9_-]{0,20}$/, /^[A-Za-z0-9_-]{0,20}$/),
  'idempotency-key': fresh(/^[!-~]{0,40}$/, /^[!-~]{0,40}$/),
  parent_id: refOf('message'),
  head_id: refOf('message'),
  leaf: refOf('message'),
  chat_id: refOf('conversation'),
  conversation_id: refOf('conversation'),
  thread_id: refOf('thread'),
  channel_id: refOf('channel'),
  usernames: () => fc.subarray([new Ref('guest_name'), new Ref('other_name')], { minLength: 1 }),
  /** One there is an address for; the allow list of the server under test has it. */
  llm_endpoint_url: (schema) =>
    orNull(schema, fc.stringMatching(/^https:\/\/api\.example\.com(\/[a-z0-9._~-]{0,12}){0,3}$/)),
  llm_api_key: leftOut,
  fallbacks: () => fc.constant([]),
  expires_at: (schema) => orNull(schema, future),
  muted_until: (schema) => orNull(schema, future),
  grace_seconds: () => fc.integer({ min: 0, max: 600_000 }),
  /** Opaque: it comes from the page before. */
  cursor: leftOut,
  search: words,
  q: words,
  /** A day and the one before it. */
  from: leftOut,
  to: leftOut,
}

const future = fc
  .date({ min: new Date('2035-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((when) => when.toISOString())
