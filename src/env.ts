import { type Model, readModels } from './ai/models.ts'
import { isSealingKey } from './lib/sealed-secrets.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** How a variable is read: `read` gives nothing for a text that it may not have, `fallback` is what it is unless it is set. */
type Rule<T> = { read: (text: string) => T | undefined; fallback?: T; isRequired?: true }

/** A whole number, in digits. */
const count = (fallback: number, min: number, max: number): Rule<number> => ({
  read: (text) => (/^\d{1,15}$/.test(text) && min <= Number(text) && Number(text) <= max ? Number(text) : undefined),
  fallback,
})
const ms = (fallback: number, min = 1) => count(fallback, min, 400 * DAY)
const limit = (fallback: number) => count(fallback, 1, 1_000_000)

/** The first is meant when it is not set. */
const oneOf = <const T extends string>(...words: [T, ...T[]]): Rule<T> => ({
  read: (text) => words.find((word) => word === text),
  fallback: words[0],
})

const text = (isAllowed: (text: string) => boolean = () => true): Rule<string | undefined> => ({
  read: (text) => (isAllowed(text) ? text : undefined),
})
const matching = (pattern: RegExp) => text((given) => pattern.test(given))
const atMost = (characters: number) => text(({ length }) => length <= characters)

/** Without blanks around it. */
const toHttpUrl = (text: string) => {
  const url = text.trim()
  return /^https?:\/\/[^\s/]\S*$/i.test(url) && URL.canParse(url) ? url : undefined
}
const url: Rule<string | undefined> = { read: toHttpUrl }
const urlOr = (fallback: string): Rule<string> => ({ read: toHttpUrl, fallback })
/** Paths are put behind it. */
const urlWithoutSlash: Rule<string | undefined> = { read: (text) => toHttpUrl(text)?.replace(/\/+$/, '') }

const isSecret = (text: string) => new TextEncoder().encode(text).length >= 32
const origins: Rule<string[]> = { read: listOf, fallback: [] }

/** Every variable that Parley reads. Names and defaults of the protocol's numbers are those of docs/runs.md. */
export const Variables = {
  JWT_SECRET: { ...text(isSecret), isRequired: true } as Rule<string>,
  JWT_SECRET_PREVIOUS: text(isSecret),
  ENCRYPTION_KEY: text(isSealingKey),
  ENCRYPTION_KEY_PREVIOUS: text(isSealingKey),
  CORS_ORIGINS: origins,
  RESPONSE_STYLE: oneOf('plain', 'envelope'),
  D1_READ_REPLICAS: oneOf('off', 'on'),
  PASSWORD_POLICY: oneOf('default', 'strict', 'demo'),
  PASSWORD_COST: count(15, 1, 15),
  AUTH_PASSWORD_GRANT: oneOf('on', 'off'),
  SESSION_IDLE_MS: ms(7 * DAY),
  SESSION_MAX_MS: ms(30 * DAY),

  AUTH_RATE_LIMIT: limit(120),
  PUBLIC_RATE_LIMIT: limit(120),
  API_RATE_LIMIT: limit(600),

  SIGN_IN_ACCOUNT_LIMIT: limit(10),
  SIGN_IN_STREAK_LIMIT: limit(100),
  SIGN_IN_ADDRESS_LIMIT: limit(50),
  REGISTER_ADDRESS_LIMIT: limit(20),
  REFRESH_SESSION_LIMIT: limit(60),
  MAIL_ACCOUNT_LIMIT: limit(5),
  MAIL_ADDRESS_LIMIT: limit(20),
  MAIL_TOKEN_LIMIT: limit(10),

  MAIL_FROM: matching(/^[^\p{Cc}]*[^\s@<]+@[^\s@>]+>?$/u),
  RESEND_API_KEY: text(),
  RESEND_BASE_URL: urlOr('https://api.resend.com'),
  APP_URL: urlWithoutSlash,

  UPGRADE_POLICY: oneOf('admin', 'open'),

  OPENAI_API_KEY: text(),
  OPENAI_BASE_URL: url,
  OPENAI_MODEL: atMost(200),
  MODELS: text(),
  OFFLINE_TOKEN_MS: ms(15, 0),

  UPSTREAM_TRIES: count(3, 1, 5),
  UPSTREAM_HEADERS_MS: ms(30_000),
  UPSTREAM_FIRST_TOKEN_MS: ms(120_000),
  UPSTREAM_IDLE_MS: ms(45_000),
  RUN_START_DEADLINE_MS: ms(150_000),
  RUN_MAX_MS: ms(600_000),
  RUN_FLUSH_MS: ms(50, 0),
  RUN_FLUSH_BYTES: count(16_384, 1, 262_144),
  RUN_LOG_TTL_MS: ms(600_000),
  RUN_LEASE_MS: ms(MINUTE),
  CHECKPOINT_MS: ms(10_000),
  ALARM_MS: ms(30_000),
  HEARTBEAT_MS: ms(12_000),
  JSON_WAIT_MS: ms(90_000),
  DISCONNECT_CANCEL_MS: ms(500),
  WATCHER_STALL_MS: ms(30_000),
  IDEMPOTENCY_TTL_MS: ms(DAY),
  CONTEXT_MAX_MESSAGES: count(100, 1, 1_000),
  FILE_CONTEXT_TOKENS: count(8_000, 100, 80_000),
  FILE_TEXT_WAIT_MS: ms(8_000, 0),
  RUN_QUEUE_MAX: count(8, 0, 100),
  RUN_QUEUE_WAIT_MS: ms(30_000),
  WEB_SEARCH_URL: url,
  WEB_SEARCH_KEY: matching(/^[\x21-\x7e]+$/),
  WEB_SEARCH_KIND: oneOf('searxng', 'brave', 'tavily'),
  TOOL_ROUNDS: count(4, 1, 20),
  TOOL_CALLS_PER_ROUND: count(3, 1, 10),
  TOOL_MS: ms(8_000),
  TOOL_RESULT_BYTES: count(16_384, 256, 262_144),

  LLM_ENDPOINTS: oneOf('public', 'off'),
  LLM_ENDPOINT_ALLOWLIST: origins,
  DNS_OVER_HTTPS_URL: urlOr('https://cloudflare-dns.com/dns-query'),
  KEY_CACHE_MS: count(5_000, 0, 60_000),
  KEY_GRACE_MAX_MS: ms(7 * DAY),
  GATEWAY_SHARDS: count(32, 1, 1_000),
  GATEWAY_BODY_BYTES: count(8_388_608, 1_024, 33_554_432),
  GATEWAY_JSON_WAIT_MS: ms(280_000),
  GATEWAY_DETACH_MS: ms(15_000),
  SDK_DEDUPE_MS: ms(600_000),

  SOCKET_SHARDS: count(1, 1, 10_000),
  SOCKETS_PER_USER: count(10, 1, 10_000),
  SOCKET_FRAME_LIMIT: limit(20),
  SOCKET_TICK_MS: ms(30_000),
  CHANNEL_SEND_LIMIT: limit(5),
  SEED_OPEN_CHANNELS: count(100, 0, 500),

  TITLE_MODEL: atMost(200),
  TITLE_MS: ms(20_000),
  TEMPORARY_TTL_MS: ms(DAY),
} satisfies Record<string, Rule<unknown>>

type Values = {
  [N in keyof typeof Variables]: (typeof Variables)[N] extends Rule<infer Value> ? Value : never
}
export type Config = Omit<Values, 'MODELS'> & { MODELS: Model[] }

/** The names of what is wrong, never a value: they are shown to clients. */
export type ConfigFault = { variable: string; detail: string }

const BINDINGS = ['DB', 'RATE_LIMITS', 'FILES', 'RUNNER', 'CHANNEL', 'GATEWAY'] as const

const checked = new WeakMap<Env, Config | ConfigFault>()

/** The configuration of this isolate, checked once. A fault closes everything but `/health`. */
export function readConfig(env: Env): Config | ConfigFault {
  if (BINDINGS.some((name) => env[name] === undefined)) return { variable: 'wrangler.toml', detail: 'lacks a binding' }
  return readVariables(env)
}

export const isFault = (config: Config | ConfigFault): config is ConfigFault => 'variable' in config

/**
 * The configuration where a fault cannot be answered to anybody: in a Durable Object and in a cron job. The Worker of channels and
 * sockets has not all bindings (src/realtime.ts).
 */
export function configOf(env: Env): Config {
  const config = readVariables(env)
  if (isFault(config)) throw new Error(`The variable ${config.variable} ${config.detail}`)
  return config
}

function readVariables(env: Env): Config | ConfigFault {
  const known = checked.get(env)
  if (known) return known
  const result = check(env)
  checked.set(env, result)
  return result
}

function check(env: Env): Config | ConfigFault {
  const given = new Map(Object.entries(env))
  const values: Record<string, unknown> = {}
  for (const [variable, rule] of Object.entries<Rule<unknown>>(Variables)) {
    const value = given.get(variable)
    // An empty value counts as unset: that is how .dev.vars.example shows what there is.
    if (value === undefined || value === '') {
      if (rule.isRequired) return { variable, detail: 'is missing' }
      values[variable] = rule.fallback
      continue
    }
    // Without quotes in wrangler.toml a number comes as one.
    const isText = typeof value === 'string' || typeof value === 'number'
    const read = isText ? rule.read(String(value)) : undefined
    if (read === undefined) return { variable, detail: 'is not valid: see .dev.vars.example' }
    values[variable] = read
  }
  const variables = values as Values
  for (const variable of ['JWT_SECRET', 'JWT_SECRET_PREVIOUS'] as const) {
    if (looksLikeExample(variables[variable] ?? '')) return { variable, detail: 'is an example, not a secret' }
  }
  if (variables.JWT_SECRET === variables.JWT_SECRET_PREVIOUS) {
    return { variable: 'JWT_SECRET_PREVIOUS', detail: 'must differ from JWT_SECRET' }
  }
  if (variables.RESEND_API_KEY && !variables.MAIL_FROM) return { variable: 'MAIL_FROM', detail: 'is missing' }
  const models = readModels(variables)
  if (!Array.isArray(models)) return { variable: 'MODELS', detail: models.fault }
  if (variables.TITLE_MODEL && !models.some(({ id }) => id === variables.TITLE_MODEL)) {
    return { variable: 'TITLE_MODEL', detail: 'is not among the models served' }
  }
  if (variables.WEB_SEARCH_KIND !== 'searxng' && !variables.WEB_SEARCH_KEY) {
    return { variable: 'WEB_SEARCH_KEY', detail: 'is missing' }
  }
  for (const variable of ['CORS_ORIGINS', 'LLM_ENDPOINT_ALLOWLIST'] as const) {
    if (variables[variable].every(isOrigin)) continue
    return { variable, detail: 'is not a list of origins such as https://chat.example.com' }
  }
  if (variables.LLM_ENDPOINT_ALLOWLIST.includes('*')) {
    return { variable: 'LLM_ENDPOINT_ALLOWLIST', detail: 'must name each origin' }
  }
  return { ...variables, MODELS: models }
}

/** What stands between commas. */
function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

const isOrigin = (origin: string) => origin === '*' || (/^https?:/.test(origin) && URL.parse(origin)?.origin === origin)

/** Sample values of READMEs and tutorials, and what is hardly random: few characters, or one part over and over. */
const looksLikeExample = (value: string) =>
  /change.?me|replace|example|your.?(jwt|secret|key)|secret.?key|placeholder|insecure|password|correct.horse/i.test(
    value,
  ) ||
  (value !== '' && (new Set(value).size < 10 || isRepeated(value)))

/** Found again inside its own double, before its end, exactly when it is one part over and over. */
const isRepeated = (value: string) => `${value}${value}`.indexOf(value, 1) < value.length
