import { z } from '@hono/zod-openapi'
import { KEY_SCOPES } from '../../../db/schema/index.ts'
import { id, maybeId, maybeMoment, modelName, moment } from '../../../http/fields.ts'
import { IdParam } from '../../../http/openapi.ts'
import { KEY_KINDS, KEY_PATTERN } from '../../../lib/api-keys.ts'
import { filled, integer, made, text, uuid } from '../../../lib/wire-fields.ts'

/** A pattern of origins would look as if it were one. */
const ORIGIN = '^https?://[^\\s/?#@\\\\*]+$'

const name = filled(80).openapi({ example: 'Website' })
const kind = z
  .enum(KEY_KINDS)
  .openapi({ description: '`sk` for servers; `pk` may be seen by anybody, as in the script of a web page' })
const scopes = z
  .array(z.enum(KEY_SCOPES))
  .max(4)
  .openapi({
    uniqueItems: true,
    example: ['chat'],
    description: '`chat` includes `models` and `runs`; `chat:public` is the only one of a `pk`, and of no other',
  })
const models = z
  .array(modelName)
  .max(20)
  .openapi({ uniqueItems: true, description: 'Models served here that it opens besides its chatbot' })
const origin = text(300)
  .regex(new RegExp(ORIGIN), 'Not an origin')
  .openapi({ pattern: ORIGIN, example: 'https://www.example.com' })
const origins = z
  .array(origin)
  .max(20)
  .openapi({ uniqueItems: true, description: 'With some, pages of others are refused; needed for a `pk`' })
const rpm = integer(1, 100_000)
  .nullable()
  .openapi({ example: 60, description: 'Requests a minute, within those of the plan' })
const monthlyTokenCap = integer(16, 1_000_000_000_000)
  .nullable()
  .openapi({ example: 100_000, description: 'Exact, like the quota of the plan; keys that were rotated share it' })
const expiresAt = maybeMoment.openapi({ example: '2030-01-01T00:00:00.000Z' })

export const ApiKey = z
  .strictObject({
    id,
    chatbot_id: id,
    name,
    kind,
    prefix: made('A-Za-z0-9_', 20).openapi({ example: 'parley_sk_Ab3d' }),
    last_four: made('A-Za-z0-9', 4).openapi({ example: 'x9Yz' }),
    scopes,
    models,
    allowed_origins: origins,
    rpm,
    monthly_token_cap: monthlyTokenCap,
    revoked: z.boolean(),
    expires_at: maybeMoment,
    revoked_at: maybeMoment,
    rotated_from: maybeId.openapi({ description: 'The key whose place it takes' }),
    last_used_at: maybeMoment.openapi({ description: 'Cut to the minute' }),
    created_at: moment,
  })
  .openapi('ApiKey')
export type ApiKey = z.infer<typeof ApiKey>

export const MadeApiKey = z
  .strictObject({
    ...ApiKey.shape,
    key: text(60)
      .regex(new RegExp(KEY_PATTERN))
      .nullable()
      .openapi({
        pattern: KEY_PATTERN,
        example: `parley_sk_${'Ab3d'.repeat(10)}xyz_0aB1cD`,
        description: 'Shown this once. Null when the Idempotency-Key was used before',
      }),
  })
  .openapi('MadeApiKey')

const isDistinct = (items: unknown[]) => new Set(items).size === items.length

/** Exact origins of https; of http only one's own machine, for development. */
const isOrigin = (text: string) =>
  URL.parse(text)?.origin === text && /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1):\d+$)/.test(text)

export const NewApiKey = z
  .strictObject({
    name,
    kind: kind.default('sk'),
    scopes: scopes
      .min(1)
      .refine(isDistinct, 'The same scope twice')
      .optional()
      .openapi({ description: 'Without it `chat`, and `chat:public` for a `pk`' }),
    models: models.refine(isDistinct, 'The same model twice').default([]),
    allowed_origins: z
      .array(origin.refine(isOrigin, 'An exact https origin, without a path; http only for localhost with a port'))
      .max(20)
      .refine(isDistinct, 'The same origin twice')
      .default([])
      .openapi({ uniqueItems: true }),
    rpm: rpm.default(null),
    monthly_token_cap: monthlyTokenCap.default(null),
    expires_at: expiresAt.default(null),
  })
  .superRefine(({ kind, scopes, allowed_origins }, issues) => {
    const refuse = (field: string, message: string) => issues.addIssue({ code: 'custom', path: [field], message })
    if (kind === 'sk') {
      if (scopes?.includes('chat:public')) refuse('scopes', 'chat:public is for keys of the kind pk')
      return
    }
    if (scopes?.some((scope) => scope !== 'chat:public')) refuse('scopes', 'A key that anybody may see has chat:public')
    if (allowed_origins.length === 0) refuse('allowed_origins', 'Name the pages from which this key may be used')
  })
  .openapi('NewApiKey')
export type NewApiKey = z.infer<typeof NewApiKey>

export const KeyRotation = z
  .strictObject({
    grace_seconds: integer(0, 34_560_000).default(0).openapi({
      example: 3_600,
      description: 'So long the old key goes on working; 0 revokes it now. The server may allow less than this maximum',
    }),
  })
  .openapi('KeyRotation')

export const KeyParams = IdParam.extend({
  key_id: uuid().openapi({ param: { name: 'key_id', in: 'path' }, example: '019b76da-a800-7000-8000-000000000000' }),
})
