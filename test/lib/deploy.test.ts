import { randomBytes } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeEach, expect, test, vi } from 'vitest'
import {
  apiConfig,
  BASE,
  type Base,
  REALTIME_CLASSES,
  REALTIME_VARIABLES,
  realtimeConfig,
} from '../../scripts/deploy/configs.ts'
import { deploy } from '../../scripts/deploy/deploy.ts'
import { configOf, Variables } from '../../src/env.ts'

const ADDRESS = 'https://parley.example.workers.dev'
const NOT_FOUND = (name: string) => `✘ [ERROR] Worker "${name}" not found.`
const file = (args: string[], option: string) => {
  const at = args.findIndex((arg) => arg.startsWith(option))
  return at < 0 ? undefined : args[at]!.includes('=') ? args[at]!.split('=')[1]! : args[at + 1]!
}

beforeEach(() => {
  for (const name of ['JWT_SECRET', 'ENCRYPTION_KEY']) vi.stubEnv(name, '')
})

type Had = { databases?: string[]; workers?: Record<string, string[]>; fails?: [command: string, words: string] }

/** An account as wrangler shows it. It remembers what was asked for, and what was taken along. */
function accountWith({ databases = [], workers = {}, fails }: Had = {}) {
  const commands: string[] = []
  const configs: Base[] = []
  const secrets: Record<string, string>[] = []
  const files: string[] = []
  const answer = (args: string[]): string | { error: string } => {
    const command = args.slice(0, 2).join(' ')
    if (fails && command.startsWith(fails[0])) return { error: fails[1] }
    if (command === 'd1 list') return JSON.stringify(databases.map((name) => ({ uuid: 'id', name })))
    if (command === 'd1 time-travel') return JSON.stringify({ bookmark: 'b-1' })
    if (command === 'secret list') {
      const name = file(args, '--name')!
      return workers[name]
        ? JSON.stringify(workers[name].map((secret) => ({ name: secret })))
        : { error: NOT_FOUND(name) }
    }
    if (command.startsWith('deploy')) {
      const config = readFileSync(file(args, '--config')!, 'utf8')
      configs.push(file(args, '--config')!.endsWith('.toml') ? BASE : JSON.parse(config))
      const taken = file(args, '--secrets-file')
      if (taken) {
        files.push(taken)
        secrets.push(JSON.parse(readFileSync(taken, 'utf8')))
      }
      writeFileSync(
        process.env.WRANGLER_OUTPUT_FILE_PATH!,
        `${JSON.stringify({ type: 'deploy', targets: [ADDRESS] })}\n`,
      )
    }
    return ''
  }
  const wrangler = async (args: string[]) => {
    commands.push(args.filter((arg) => !/^--|\/|^json$/.test(arg)).join(' '))
    const given = answer(args)
    return typeof given === 'string'
      ? { ok: true, stdout: given, output: given }
      : { ok: false, stdout: '', output: given.error }
  }
  return { wrangler, commands, configs, secrets, files }
}

async function run(account: ReturnType<typeof accountWith>, options: { realtime?: boolean; isDryRun?: boolean } = {}) {
  const lines: string[] = []
  const tried: string[] = []
  const isOk = await deploy(
    { isDryRun: false, realtime: false, ...options },
    {
      wrangler: account.wrangler,
      say: (line) => lines.push(line),
      smoke: async (url) => tried.push(url) > 0,
    },
  )
  return { isOk, said: lines.join('\n'), tried }
}

const SECRETS = ['JWT_SECRET', 'ENCRYPTION_KEY']
const looked = (...workers: string[]) => ['d1 list', ...workers.map((name) => `secret list ${name}`)]

test('an empty account gets a database, its tables, and a Worker with secrets that nobody sees', async () => {
  const account = accountWith()
  const { isOk, said, tried } = await run(account)
  expect({ isOk, tried }).toEqual({ isOk: true, tried: [ADDRESS] })
  expect(account.commands).toEqual([...looked('parley'), 'd1 create parley', 'd1 migrations apply DB', 'deploy'])
  const [made] = account.secrets
  expect(Object.keys(made!)).toEqual(SECRETS)
  expect(() => configOf(made as unknown as Env)).not.toThrow()
  expect(made!.JWT_SECRET).not.toBe(made!.ENCRYPTION_KEY)
  for (const secret of Object.values(made!)) expect(said + account.commands).not.toContain(secret)
  expect(account.files.filter((path) => existsSync(path))).toEqual([])
})

test('run again, it migrates before it deploys, says where the database was, and leaves every secret', async () => {
  const account = accountWith({ databases: ['other', 'parley'], workers: { parley: [...SECRETS, 'OPENAI_API_KEY'] } })
  const { isOk, said } = await run(account)
  expect(isOk).toBe(true)
  expect(account.commands).toEqual([
    ...looked('parley', 'parley-realtime'),
    'd1 time-travel info DB',
    'd1 migrations apply DB',
    'deploy',
  ])
  expect(account.secrets).toEqual([])
  expect(account.configs).toEqual([BASE])
  expect(said).toContain('npx wrangler d1 time-travel restore DB --bookmark=b-1')
})

test('a secret of the environment is taken instead', async () => {
  const key = randomBytes(32).toString('base64')
  vi.stubEnv('ENCRYPTION_KEY', key)
  const account = accountWith()
  const { said } = await run(account)
  expect(account.secrets[0]!.ENCRYPTION_KEY).toBe(key)
  expect(said).toContain('take ENCRYPTION_KEY from the environment')
  expect(said + account.commands).not.toContain(key)
})

test('a secret of the environment does not take the place of one that is there, and it is said so', async () => {
  const key = randomBytes(32).toString('base64')
  vi.stubEnv('ENCRYPTION_KEY', key)
  const account = accountWith({ databases: ['parley'], workers: { parley: SECRETS } })
  const { said } = await run(account)
  expect(account.secrets).toEqual([])
  expect(said).toContain('ENCRYPTION_KEY of the environment is not used')
  expect(said).not.toContain(key)
})

test('a secret that is missing beside others is made, and only that', async () => {
  const account = accountWith({ databases: ['parley'], workers: { parley: ['JWT_SECRET'] } })
  await run(account)
  expect(account.secrets.map((each) => Object.keys(each))).toEqual([['ENCRYPTION_KEY']])
})

test('when it cannot be known which secrets there are, nothing is done: a new key would make the sealed ones unreadable', async () => {
  const account = accountWith({ databases: ['parley'], fails: ['secret list', 'fetch failed'] })
  const { isOk, said } = await run(account)
  expect(isOk).toBe(false)
  expect(said).toContain('Cloudflare was not reached')
  expect(account.commands).toEqual(looked('parley'))
})

test('what fails is said in the words of wrangler, with what to do, and nothing comes after it', async () => {
  const account = accountWith({ fails: ['d1 migrations', 'no such column: x [code: 7500]'] })
  const { isOk, said, tried } = await run(account)
  expect({ isOk, tried }).toEqual({ isOk: false, tried: [] })
  expect(said).toMatch(/FAILED to migrate the database\nno such column: x.*\nWhat was done before stays/)
  expect(account.commands.at(-1)).toBe('d1 migrations apply DB')

  const bare = await run(accountWith({ fails: ['deploy', 'Please enable R2 through the Dashboard. [code: 10042]'] }))
  expect(bare.said).toContain('Turn R2 on once')
  const nobody = await run(accountWith({ fails: ['d1 list', 'set a CLOUDFLARE_API_TOKEN environment variable'] }))
  expect(nobody).toMatchObject({ isOk: false, said: expect.stringContaining('npx wrangler login') })
})

test('a dry run changes nothing, also where nobody is signed in', async () => {
  const account = accountWith({ databases: ['parley'], workers: { parley: SECRETS } })
  expect(await run(account, { isDryRun: true })).toMatchObject({ isOk: true, tried: [] })
  expect(account.commands).toEqual(looked('parley', 'parley-realtime'))
  const nobody = accountWith({ fails: ['d1', 'set a CLOUDFLARE_API_TOKEN environment variable'] })
  expect(await run(nobody, { isDryRun: true })).toMatchObject({
    isOk: true,
    said: expect.stringContaining('Would create the database parley'),
  })
})

const names = (configs: Base[]) =>
  configs.map(({ name, durable_objects: { bindings } }) => [
    name,
    ...bindings.map(({ class_name, script_name }) => `${script_name ?? 'own'}:${class_name}`),
  ])
const ALONE = ['parley', 'own:Runner', 'own:Channel', 'own:Gateway']
const API = ['parley', 'own:Runner', 'parley-realtime:Channel', 'parley-realtime:Gateway']
const REALTIME = ['parley-realtime', 'parley:Runner', 'own:Channel', 'own:Gateway']

test('channels and sockets move to a Worker of their own, from one that has them, and stay there', async () => {
  const fresh = accountWith()
  await run(fresh, { realtime: true })
  expect(names(fresh.configs)).toEqual([ALONE, REALTIME, API])
  expect(fresh.secrets.map((each) => Object.keys(each))).toEqual([SECRETS, ['JWT_SECRET']])

  const before = accountWith({ databases: ['parley'], workers: { parley: SECRETS } })
  await run(before, { realtime: true })
  expect(names(before.configs)).toEqual([REALTIME, API])

  const there = { databases: ['parley'], workers: { parley: SECRETS, 'parley-realtime': ['JWT_SECRET'] } }
  const [plain, both] = [accountWith(there), accountWith(there)]
  await run(plain)
  await run(both, { realtime: true })
  expect([names(plain.configs), names(both.configs)]).toEqual([[API], [REALTIME, API]])
  expect(globSync(`wrangler.*.${process.pid}.json`)).toEqual([])
})

test('the two configurations are made of wrangler.toml, and have in common what both need', () => {
  const [api, realtime] = [apiConfig(BASE), realtimeConfig(BASE)]
  expect({ ...api, durable_objects: null }).toEqual({ ...BASE, durable_objects: null })
  for (const key of [
    'compatibility_date',
    'compatibility_flags',
    'no_bundle',
    'find_additional_modules',
    'rules',
    'upload_source_maps',
    'd1_databases',
    'secrets',
    'observability',
  ]) {
    expect(realtime[key], key).toEqual(BASE[key])
  }
  const built = ({ main, build }: Base) => [main, (build as { command: string }).command]
  expect(built(realtime)).toEqual(['dist/realtime/index.mjs', 'node scripts/build-worker.ts realtime'])
  expect(built(api)).toEqual(['dist/worker/index.mjs', expect.stringMatching(/node scripts\/build-worker.ts$/)])
  // Who moved with the objects must be who has them.
  const moved = REALTIME_CLASSES.map((name) => ({ from: name, from_script: BASE.name, to: name }))
  expect(realtime.migrations).toEqual([{ tag: 'v1', transferred_classes: moved }])
  const exported = readFileSync('src/realtime.ts', 'utf8').matchAll(/^export \{ (\w+) \}/gm)
  expect([...exported].map(([, name]) => name)).toEqual(REALTIME_CLASSES)
  expect(realtimeConfig({ ...BASE, vars: { SOCKET_SHARDS: '4', WEB_SEARCH_KIND: 'brave' } }).vars).toEqual({
    SOCKET_SHARDS: '4',
  })
})

test('the Worker of channels and sockets has the variables that they read, and no other', () => {
  const sources = globSync(['src/features/channels/*.ts', 'src/features/sockets/*.ts']).filter(
    (path) => !path.endsWith('routes.ts'),
  )
  const text = sources.map((path) => readFileSync(path, 'utf8')).join('\n')
  const read = Object.keys(Variables).filter((name) => new RegExp(`\\b${name}\\b`).test(text))
  expect(read.sort()).toEqual([...REALTIME_VARIABLES].sort())
})
