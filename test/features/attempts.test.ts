import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { verifyPassword } from '../../src/features/auth/passwords.ts'
import {
  type Answer,
  client,
  countOf,
  countTo,
  freshAddress,
  one,
  PASSWORD,
  type SignedIn,
  signIn,
} from '../support/client.ts'
import { codeTo, mailsTo, mailTo } from '../support/mail.ts'

const anyone = client()
const WRONG = 'not-the-password'
const MINUTE_MS = 60_000

afterEach(() => vi.restoreAllMocks())

type From = Record<string, string>
type SignIn = (name: string, password: string, from?: From) => Promise<Answer>

const login: SignIn = (name, password, headers = {}) =>
  anyone('POST', '/auth/login', { [name.includes('@') ? 'email' : 'username']: name, password }, { headers })
/** The OAuth form. */
const token: SignIn = (username, password, headers = {}) =>
  anyone('POST', '/auth/token', undefined, {
    raw: new URLSearchParams({ username, password }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
const later = (ms: number) => vi.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)
const nobody = () => `nobody-${crypto.randomUUID()}@example.com`
const from = (address = freshAddress()): From => ({ 'cf-connecting-ip': address })
const statuses = (answers: Answer[]) => answers.map(({ status }) => status)

/** One after the other. */
async function times(count: number, call: (n: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const n of countTo(count)) answers.push(await call(n))
  return answers
}

/** What a client can tell two answers apart by. */
const visible = ({ status, body, headers }: Answer) => ({
  status,
  body: { ...body, request_id: 0 },
  headers: [...headers.keys()].sort(),
})

function expectLimited(answer: Answer, maxWaitS: number): void {
  expect(answer.status).toBe(429)
  const waitS = Number(answer.headers.get('retry-after'))
  expect(waitS).toBeGreaterThanOrEqual(1)
  expect(waitS).toBeLessThanOrEqual(maxWaitS)
}

const failInARow = ({ user }: SignedIn, count: number) =>
  env.DB.prepare('UPDATE users SET failed_sign_ins = ? WHERE id = ?').bind(count, user.id).run()

test('ten wrong passwords close a name for a quarter of an hour, by whichever way they came', async () => {
  const ada = await signIn()
  expect(statuses(await times(5, () => login(ada.user.email, WRONG)))).toEqual(Array(5).fill(401))
  expect(statuses(await times(5, () => token(ada.user.email.toUpperCase(), WRONG)))).toEqual(Array(5).fill(400))
  const refused = await login(ada.user.email, PASSWORD)
  expectLimited(refused, 900)
  expect(refused.body).toMatchObject({ code: 'rate_limit_exceeded' })
  const refusedToken = await token(ada.user.email, PASSWORD)
  expectLimited(refusedToken, 900)
  expect(refusedToken.body).toMatchObject({ error: 'temporarily_unavailable' })
  // Who is in already stays in.
  expect((await ada('GET', '/auth/me')).status).toBe(200)
  expect((await anyone('POST', '/auth/refresh', { refresh_token: ada.tokens.refresh_token })).status).toBe(200)
  later(15 * MINUTE_MS)
  expect((await login(ada.user.email, PASSWORD)).status).toBe(200)
})

test('a wrong current password counts like a wrong one at the door', async () => {
  const ada = await signIn()
  const change = (current_password: string) =>
    ada('POST', '/auth/password/change', { current_password, new_password: `${PASSWORD}-2` })
  expect(statuses(await times(5, () => change(WRONG)))).toEqual(Array(5).fill(422))
  await times(5, () => login(ada.user.username, WRONG))
  expectLimited(await login(ada.user.username, PASSWORD), 900)
  expectLimited(await change(PASSWORD), 900)
})

test('the right password forgets the wrong ones, by either name', async () => {
  const ada = await signIn()
  await times(9, () => login(ada.user.email, WRONG))
  await times(9, () => login(ada.user.username, WRONG))
  expect((await login(ada.user.email, PASSWORD)).status).toBe(200)
  const again = await times(9, (n) => login(n % 2 ? ada.user.email : ada.user.username, WRONG))
  expect(statuses(again)).toEqual(Array(9).fill(401))
  expect((await login(ada.user.username, PASSWORD)).status).toBe(200)
})

test('a name that nobody has is limited like any other: no step tells them apart', async () => {
  const ada = await signIn()
  for (const signInBy of [login, token]) {
    const known = await times(12, () => signInBy(ada.user.email, WRONG))
    const unknown = nobody()
    expect((await times(12, () => signInBy(unknown, WRONG))).map(visible)).toEqual(known.map(visible))
    await env.DB.prepare('DELETE FROM attempts').run()
  }
})

test('of forty wrong passwords at once no more than ten are compared', async () => {
  const ada = await signIn()
  const guess = async (): Promise<Answer> => {
    const answer = await login(ada.user.email, WRONG)
    return answer.status === 503 ? guess() : answer
  }
  const answers = await Promise.all(countTo(40).map(guess))
  expect(statuses(answers).sort()).toEqual([...Array(10).fill(401), ...Array(30).fill(429)])
  const row = await one<{ n: number }>('SELECT failed_sign_ins AS n FROM users WHERE id = ?', ada.user.id)
  expect(row!.n).toBe(10)
})

test('fifty failures from one address close it, whatever the names, and no other address', async () => {
  const ada = await signIn()
  const address = from()
  // Who signs in uses nothing up.
  expect(statuses(await times(5, () => login(ada.user.email, PASSWORD, address)))).toEqual(Array(5).fill(200))
  for (const _ of countTo(10)) {
    const answers = await Promise.all(countTo(5).map(() => login(nobody(), WRONG, address)))
    expect(statuses(answers)).toEqual(Array(5).fill(401))
  }
  expectLimited(await login(ada.user.email, PASSWORD, address), 900)
  expectLimited(await token(nobody(), PASSWORD, address), 900)
  expect((await login(ada.user.email, PASSWORD)).status).toBe(200)
})

const verify = (headers: From) => anyone('POST', '/auth/verify', { token: crypto.randomUUID() }, { headers })
const reset = (headers: From) =>
  anyone('POST', '/auth/password/reset', { token: crypto.randomUUID(), new_password: PASSWORD }, { headers })

test('ten wrong codes from one address are looked at in an hour, of both kinds together', async () => {
  const address = from()
  const answers = await times(10, (n) => (n % 2 ? verify(address) : reset(address)))
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(10).fill([400, 'invalid_token']))
  for (const call of [verify, reset]) expectLimited(await call(address), 3_600)
  expect((await verify(from())).status).toBe(400)
  later(60 * MINUTE_MS)
  expect((await verify(address)).status).toBe(400)
})

test('the addresses of one network of IPv6 count as one, an IPv4 one in the form of IPv6 as itself', async () => {
  const network = (n: number) => from(`2001:db8:aa:${n < 6 ? '1' : '0001'}:${n}::${n}`)
  await times(10, (n) => verify(network(n)))
  expectLimited(await verify(from('2001:DB8:AA:1:ffff:ffff:ffff:ffff')), 3_600)
  expect((await verify(from('2001:db8:aa:2::1'))).status).toBe(400)
  await times(10, () => verify(from('203.0.113.9')))
  expectLimited(await verify(from('::ffff:203.0.113.9')), 3_600)
})

test('an address that a client names itself is not believed', async () => {
  const claiming = (address: string, headers: From): From => ({
    ...headers,
    'x-forwarded-for': address,
    'x-real-ip': address,
    'true-client-ip': address,
    forwarded: `for=${address}`,
  })
  const address = from()
  await times(10, () => verify(claiming(freshAddress(), address)))
  expectLimited(await verify(claiming(freshAddress(), address)), 3_600)
  const [victim] = Object.values(from())
  await times(10, () => verify(claiming(victim!, from())))
  expect((await verify(from(victim))).status).toBe(400)
})

test('twenty accounts an hour are made from one address', async () => {
  const address = from()
  const register = () =>
    anyone(
      'POST',
      '/auth/register',
      { username: `r${crypto.randomUUID().slice(0, 12)}`, password: PASSWORD },
      { headers: address },
    )
  for (const _ of countTo(4)) {
    expect(statuses(await Promise.all(countTo(5).map(register)))).toEqual(Array(5).fill(201))
  }
  expectLimited(await register(), 3_600)
  expect((await signIn()).user.id).toBeTruthy()
})

test('five mails an hour are asked for an account, whether it is there or not, and twenty from an address', async () => {
  const ada = await signIn()
  const ask = (email: string, n: number, headers = from()) =>
    anyone('POST', n % 2 ? '/auth/password/forgot' : '/auth/verify/resend', { email }, { headers })
  const known = await times(7, (n) => ask(ada.user.email, n))
  expect(statuses(known)).toEqual([202, 202, 202, 202, 202, 429, 429])
  expectLimited(known[6]!, 3_600)
  const unknown = nobody()
  expect((await times(7, (n) => ask(unknown, n))).map(visible)).toEqual(known.map(visible))
  const address = from()
  expect(statuses(await times(20, (n) => ask(nobody(), n, address)))).toEqual(Array(20).fill(202))
  expectLimited(await ask(nobody(), 1, address), 3_600)
})

test('a hundred failures in a row close signing in by password until a reset, and one mail says so', async () => {
  const ada = await signIn()
  const { email } = ada.user
  await failInARow(ada, 98)
  expect((await login(email, WRONG)).status).toBe(401)
  expect((await login(email, PASSWORD)).status).toBe(200)
  await failInARow(ada, 99)
  expect((await login(email, WRONG)).status).toBe(401)
  await mailTo(email, 'Signing in with your password is closed')
  const [closed, wrong] = [await login(email, PASSWORD), await login(email, WRONG)]
  expect(closed).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
  expect(visible(closed)).toEqual(visible(wrong))
  expect((await ada('GET', '/auth/me')).status).toBe(200)
  expect((await anyone('POST', '/auth/password/forgot', { email })).status).toBe(202)
  const code = await codeTo(email, 'Reset your password')
  const new_password = `${PASSWORD}-new`
  expect((await anyone('POST', '/auth/password/reset', { token: code, new_password })).status).toBe(204)
  expect((await login(email, new_password)).status).toBe(200)
  await mailTo(email, 'Your password was changed')
  expect(await mailsTo(email, 'is closed')).toHaveLength(1)
})

test('a limit that was reached is logged by its name, and neither log nor table names anybody', async () => {
  const ada = await signIn()
  const address = freshAddress()
  await times(10, () => login(ada.user.email, WRONG, from(address)))
  const warn = vi.spyOn(console, 'warn')
  await login(ada.user.email, WRONG, from(address))
  await times(11, () => verify(from(address)))
  const lines = warn.mock.calls.map(([line]) => JSON.parse(line)).filter(({ event }) => event === 'attempts_limited')
  expect(lines.map(({ ts, level, request_id, ...rest }) => rest)).toEqual([
    { event: 'attempts_limited', limit: 'account' },
    { event: 'attempts_limited', limit: 'token' },
  ])
  const { results } = await env.DB.prepare('SELECT subject FROM attempts').all<{ subject: string }>()
  for (const { subject } of results) expect(subject).toMatch(/^[a-z_]+:[\w-]{22}$/)
  for (const name of [ada.user.email, ada.user.username, address]) {
    expect(await countOf('attempts WHERE instr(subject, ?) > 0', name)).toBe(0)
  }
})

test('an attempt whose password was not compared is given back', async () => {
  const ada = await signIn()
  let isBusy = true
  const hashing = countTo(10).map(async () => {
    while (isBusy) await verifyPassword(WRONG, undefined, 8).catch(() => new Promise((done) => setTimeout(done, 0)))
  })
  const answers = await Promise.all(countTo(9).map(() => login(ada.user.email, WRONG)))
  isBusy = false
  await Promise.all(hashing)
  const compared = answers.filter(({ status }) => status === 401).length
  expect(answers.filter(({ status }) => status === 503).length).toBe(9 - compared)
  expect(compared).toBeLessThan(9)
  const row = await one<{ n: number }>('SELECT failed_sign_ins AS n FROM users WHERE id = ?', ada.user.id)
  expect(row!.n).toBe(compared)
  const left = await times(11 - compared, () => login(ada.user.email, WRONG))
  expect(statuses(left)).toEqual([...Array(10 - compared).fill(401), 429])
})
