import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { configOf } from '../../src/env.ts'
import { until } from '../support/client.ts'
import { askThem, endpointAt, fakeOrigin, freshUrl, listed } from '../support/endpoints.ts'
import type { Call, Step } from '../support/fake-openai.ts'
import { reply, script } from '../support/upstream.ts'

afterEach(() => vi.restoreAllMocks())

/** Every server of the public internet may be called; one that is reached gives a word, and its request. */
const open = () => ({ ...configOf(env), LLM_ENDPOINT_ALLOWLIST: [] })
const ANSWER = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

/** All that leaves, but for look-ups, which go their way. */
function watchNetwork() {
  const real = globalThis.fetch
  const sent: { url: string; init: RequestInit }[] = []
  const looked: string[] = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = String(input)
    if (url.startsWith(open().DNS_OVER_HTTPS_URL)) {
      looked.push(new URL(url).searchParams.get('type')!)
      return real(input, init)
    }
    sent.push({ url, init: init! })
    return new Response(ANSWER, { headers: { 'content-type': 'text/event-stream' } })
  })
  return { sent, looked }
}

const ask = (url: string, more = {}) => askThem([endpointAt(url, more)], 'Hello', { config: open() })

const REFUSED = { code: 'upstream_refused', attempts: [{ status: 'upstream_refused' }], started: false }

test.for([
  'https://localhost/v1',
  'https://LOCALHOST./v1',
  'https://x.localhost/v1',
  'https://printer.local/v1',
  'https://intranet/v1',
  'https://router.home.arpa/v1',
  'https://metadata.google.internal/v1',
  'https://metadata.goog/v1',
  'https://127.0.0.1/v1',
  'https://127.0.0.1./v1',
  'https://2130706433/v1',
  'https://0x7f000001/v1',
  'https://0177.0.0.1/v1',
  'https://127.1/v1',
  'https://１２７.０.０.１/v1',
  'https://127。0。0。1/v1',
  'https://%31%32%37.0.0.1/v1',
  'https://0.0.0.0/v1',
  'https://10.0.0.1/v1',
  'https://172.16.0.1/v1',
  'https://192.168.0.1/v1',
  'https://100.64.0.1/v1',
  'https://169.254.169.254/v1',
  'https://[::1]/v1',
  'https://[::]/v1',
  'https://[::ffff:127.0.0.1]/v1',
  'https://[::ffff:a9fe:a9fe]/v1',
  'https://[0:0:0:0:0:ffff:7f00:1]/v1',
  'https://[64:ff9b::7f00:1]/v1',
  'https://[2002:7f00:1::]/v1',
  'https://[fd00::1]/v1',
  'https://[fe80::1]/v1',
  'https://parley.example.com/v1',
  'https://PARLEY.example.com./v1',
  'https://api.parley.example.com/v1',
  'http://public.dns.example.com/v1',
  'ftp://public.dns.example.com/v1',
  'file:///etc/passwd',
  'data:text/event-stream,data',
  'https://public.dns.example.com:8443/v1',
  'https://user:secret@public.dns.example.com/v1',
  'https://public.dns.example.com@127.0.0.1/v1',
  'https://public.dns.example.com/v1#',
  'https://public.dns.example.com/v1#/chat/completions',
  'https://public.dns.example.com/v1?',
  'https://public.dns.example.com/v1?to=',
  `https://public.dns.example.com/${'x'.repeat(2_100)}`,
  'public.dns.example.com/v1',
  '',
])('an endpoint at %s is not called', async (url) => {
  const { sent, looked } = watchNetwork()
  expect(await ask(url, { sealed: 'sk-theirs' })).toMatchObject(REFUSED)
  expect([sent, looked]).toEqual([[], []])
})

test.for([
  'one',
  'one6',
  'loopback',
  'metadata',
  'mapped',
  'within',
  'odd',
  'empty',
  'nowhere',
  'unknown',
  'failing',
  'html',
  'list',
  'refusing',
  'moved',
  'endless',
])('a name is not called of which the DNS says: %s', async (name) => {
  const { sent, looked } = watchNetwork()
  expect(await ask(`https://${name}.dns.example.com/v1`)).toMatchObject(REFUSED)
  expect([sent, looked]).toEqual([[], ['A', 'AAAA']])
})

test('a name of which the DNS says nothing in time is not called', { timeout: 10_000 }, async () => {
  const { sent } = watchNetwork()
  const config = { ...open(), UPSTREAM_HEADERS_MS: 8_000 }
  const asked = askThem([endpointAt('https://silent.dns.example.com/v1')], 'Hello', { config })
  expect(await asked).toMatchObject(REFUSED)
  expect(sent).toEqual([])
})

test.for(['public', 'only6', 'alias'])('a name with public addresses alone is called: %s', async (name) => {
  const { sent } = watchNetwork()
  expect(await ask(`https://${name}.dns.example.com/v1/`)).toMatchObject({ text: 'Hi', finish: 'stop' })
  expect(sent.map(({ url }) => url)).toEqual([`https://${name}.dns.example.com/v1/chat/completions`])
})

test('an address is called as it is, and a URL that says all is taken whole', async () => {
  const { sent, looked } = watchNetwork()
  const urls = ['https://8.8.8.8/chat/completions/', 'https://[2606:4700:4700::1111]']
  for (const url of urls) expect((await ask(url)).finish).toBe('stop')
  expect(sent.map(({ url }) => url)).toEqual([
    'https://8.8.8.8/chat/completions',
    'https://[2606:4700:4700::1111]/chat/completions',
  ])
  expect(looked).toEqual([])
})

test('what the DNS said is believed for a minute, or for as long as it says itself', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1_000_000 })
  try {
    const { looked } = watchNetwork()
    const url = 'https://public.dns.example.com/v1'
    for (const passed of [0, 59_000, 2_000]) {
      vi.setSystemTime(Date.now() + passed)
      expect((await ask(url)).finish).toBe('stop')
    }
    expect(looked).toHaveLength(4)
    for (let n = 0; n < 2; n++) await ask('https://brief.dns.example.com/v1')
    expect(looked).toHaveLength(8)
  } finally {
    vi.useRealTimers()
  }
})

test('an endpoint sees its own key and what the call needs, and no more', async () => {
  const { sent } = watchNetwork()
  await ask('https://public.dns.example.com/v1', { sealed: 'sk-theirs' })
  await ask('https://public.dns.example.com/v1')
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json', 'user-agent': 'Parley' }
  expect(sent.map(({ init }) => init.headers)).toEqual([{ ...headers, authorization: 'Bearer sk-theirs' }, headers])
  expect(sent.map(({ init }) => init.redirect)).toEqual(['manual', 'manual'])
})

test('on the wire: the key of the platform goes to its provider, that of an endpoint to the endpoint', async () => {
  const lastFour = ({ headers }: Call) => headers.authorization
  const failing: Step[] = [{ status: 500, json: {} }]
  const { prompt, calls } = await script(failing, failing, reply(1))
  const served = { ...listed().MODELS[0]! }
  const config = { ...listed(), UPSTREAM_TRIES: 3 }
  const targets = [endpointAt(freshUrl(), { sealed: 'sk-one' }), endpointAt(freshUrl()), served]
  expect((await askThem(targets, prompt, { config })).finish).toBe('stop')
  expect((await calls()).map(lastFour)).toEqual(['…-one', undefined, '…-key'])
  expect((await calls()).map(({ url }) => url.endsWith('/v1/chat/completions'))).toEqual([true, true, true])
})

test('a key that does not open is not guessed, and nothing is sent', async () => {
  const { sent } = watchNetwork()
  const target = endpointAt('https://public.dns.example.com/v1', { sealed: 'old' })
  for (const secret of [undefined, '', 'two\r\nlines', 'ключ']) {
    const asked = await askThem([target], 'Hello', { config: open(), openSecret: async () => secret })
    expect(asked).toMatchObject({ code: 'upstream_auth', started: false })
  }
  expect(sent).toEqual([])
})

test('a redirect is not followed, wherever it leads', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const location = `${fakeOrigin()}/v1/chat/completions`
    const { prompt, calls } = await script([{ status, headers: { location } }], reply(1))
    expect(await askThem([endpointAt(freshUrl(), { sealed: 'sk-one' })], prompt)).toMatchObject(REFUSED)
    expect(await calls()).toHaveLength(1)
  }
})

test('a list of origins is exact, and there are no others', async () => {
  const { sent } = watchNetwork()
  const { port } = new URL(fakeOrigin())
  const config = { ...open(), LLM_ENDPOINT_ALLOWLIST: ['https://models.example.org', fakeOrigin()] }
  const finish = async (url: string) => (await askThem([endpointAt(url)], 'Hello', { config })).finish
  expect(await finish(`http://127.0.0.1:${port}/v1`)).toBe('stop')
  expect(await finish('https://models.example.org/v1')).toBe('stop')
  for (const url of [
    `http://127.0.0.1:${Number(port) + 1}/v1`,
    `https://127.0.0.1:${port}/v1`,
    `http://user@127.0.0.1:${port}/v1`,
    `http://127.0.0.1:${port}/v1?to=`,
    `http://127.0.0.1:${port}/v1#`,
    `blob:http://127.0.0.1:${port}/v1`,
    'https://models.example.org.example.com/v1',
    'https://public.dns.example.com/v1',
    'https://8.8.8.8/v1',
  ])
    expect(await finish(url), url).toBe(undefined)
  expect(sent).toHaveLength(2)
})

test('without endpoints of users none is called', async () => {
  const { sent } = watchNetwork()
  const config = { ...listed(), LLM_ENDPOINTS: 'off' as const }
  for (const url of [freshUrl(), 'https://public.dns.example.com/v1'])
    expect(await askThem([endpointAt(url)], 'Hello', { config })).toMatchObject(REFUSED)
  expect(sent).toEqual([])
})

const floods: [string, Step[], string][] = [
  ['a line of more than 1 MiB', [{ raw: `data: ${'x'.repeat(1_100_000)}` }, { hang: true }], 'upstream_garbled'],
  ['comments without end', [{ raw: ': still here\n\n'.repeat(90_000) }, { hang: true }], 'upstream_garbled'],
  ['an error of 10 MB', [{ status: 400, body: 'x'.repeat(10_000_000) }], 'upstream_rejected'],
  ['a page of 10 MB', [{ status: 200, body: 'x'.repeat(10_000_000) }], 'upstream_garbled'],
]

test.for(floods)('of %s no more is read than can be kept', async ([, steps, code]) => {
  const { prompt, calls } = await script(steps)
  const config = { ...listed(), UPSTREAM_TRIES: 1 }
  expect(await askThem([endpointAt(freshUrl())], prompt, { config })).toMatchObject({ code, text: '' })
  await until(async () => (await calls())[0]!.closed_by_client)
})
