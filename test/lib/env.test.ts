import { expect, test } from 'vitest'
import { configOf, isFault, readConfig } from '../../src/env.ts'

const SECRET = 'Qm3vXk81pLz0Rt5Yw7Ud2Hs9Nc4Jb6Ge'
const BINDINGS = { DB: {}, RATE_LIMITS: {}, FILES: {}, RUNNER: {}, CHANNEL: {}, GATEWAY: {} }
const read = (variables: Record<string, unknown> = {}) =>
  readConfig({ ...BINDINGS, JWT_SECRET: SECRET, ...variables } as unknown as Env)

test('what is not set, or empty, is what it is by default', () => {
  for (const variables of [{}, { PASSWORD_COST: '', RESPONSE_STYLE: '', CORS_ORIGINS: '', OPENAI_API_KEY: '' }])
    expect(read(variables)).toMatchObject({
      PASSWORD_COST: 15,
      RESPONSE_STYLE: 'plain',
      CORS_ORIGINS: [],
      OPENAI_API_KEY: undefined,
      MODELS: [{ id: 'parley-offline' }],
    })
})

test('a number is taken as digits, or without quotes as wrangler.toml has it, within its bounds', () => {
  expect(read({ PASSWORD_COST: '12', OFFLINE_TOKEN_MS: 0, KEY_CACHE_MS: '0', SOCKET_SHARDS: 4 })).toMatchObject({
    PASSWORD_COST: 12,
    OFFLINE_TOKEN_MS: 0,
    KEY_CACHE_MS: 0,
    SOCKET_SHARDS: 4,
  })
  for (const wrong of ['0', '16', 16, '-1', '1.5', 1.5, '0x5', '1e1', ' 5 ', ' ', 'five', true, false, null, {}])
    expect(read({ PASSWORD_COST: wrong })).toEqual({
      variable: 'PASSWORD_COST',
      detail: 'is not valid: see .dev.vars.example',
    })
})

test('an address is one of the web, without blanks around it', () => {
  expect(read({ APP_URL: ' https://a.example/app//\n', OPENAI_BASE_URL: 'http://localhost:11434/v1 ' })).toMatchObject({
    APP_URL: 'https://a.example/app',
    OPENAI_BASE_URL: 'http://localhost:11434/v1',
    RESEND_BASE_URL: 'https://api.resend.com',
  })
  for (const wrong of [
    'ftp://a.example',
    'a.example',
    'https:a.example',
    'https:///a',
    'https://',
    'https://a b',
    'javascript:1',
  ])
    expect(read({ WEB_SEARCH_URL: wrong })).toMatchObject({ variable: 'WEB_SEARCH_URL' })
})

test('what is missing or wrong is named, and its value is not', () => {
  expect(read({ JWT_SECRET: '' })).toEqual({ variable: 'JWT_SECRET', detail: 'is missing' })
  for (const [variable, value] of [
    ['JWT_SECRET', 'short-and-secret'],
    ['JWT_SECRET', 'change-me-change-me-change-me-change-me'],
    ['JWT_SECRET', 'ab'.repeat(20)],
    ['JWT_SECRET_PREVIOUS', SECRET],
    ['ENCRYPTION_KEY', 'not-32-bytes'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['LLM_ENDPOINT_ALLOWLIST', '*'],
    ['RESPONSE_STYLE', 'xml'],
    ['APP_URL', 'ftp://a.example'],
    ['MAIL_FROM', 'nobody'],
    ['OPENAI_MODEL', 'm'.repeat(201)],
    ['WEB_SEARCH_KEY', 'ends in a line\n'],
    ['MODELS', '[]'],
    ['TITLE_MODEL', 'of-nobody'],
    ['WEB_SEARCH_KIND', 'brave'],
  ] as const) {
    const config = read({ [variable]: value })
    expect([value, isFault(config)]).toEqual([value, true])
    expect(JSON.stringify(config)).not.toContain(value === 'brave' ? 'never' : value)
  }
})

test('a binding that is missing closes the Worker, and a fault where nobody can be answered is thrown', () => {
  expect(readConfig({ ...BINDINGS, FILES: undefined, JWT_SECRET: SECRET } as unknown as Env)).toEqual({
    variable: 'wrangler.toml',
    detail: 'lacks a binding',
  })
  expect(() => configOf({ JWT_SECRET: 'short' } as unknown as Env)).toThrow('JWT_SECRET is not valid')
})
