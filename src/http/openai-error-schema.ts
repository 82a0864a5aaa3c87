import { z } from '@hono/zod-openapi'
import { integer, made, text, url, uuid } from '../lib/wire-fields.ts'

export const OpenAiError = z
  .strictObject({
    error: z.strictObject({
      message: text(1_000),
      type: z.enum([
        'invalid_request_error',
        'insufficient_quota',
        'permission_error',
        'rate_limit_error',
        'server_error',
      ]),
      param: text(200).nullable(),
      code: made('a-z_', 64),
      run_id: uuid().optional(),
      partial: z.literal(true).optional(),
      request_id: made('A-Za-z0-9._-', 128),
      plan: made('a-z0-9_-', 32).optional(),
      limit: integer(0).optional(),
      used: integer(0).optional(),
      resets_at: z.iso.datetime().max(24).optional(),
      upgrade_url: url(2_048).optional(),
      tokens: integer(0).optional(),
    }),
  })
  .openapi('OpenAiError', {
    description: 'An error as clients of OpenAI’s API expect it. `code` is for programs.',
    example: {
      error: {
        message: 'There is no such model, or it is not for this key',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
        request_id: '019b76da-a800-7000-8000-000000000000',
      },
    },
  })
