import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { client, PASSWORD, type SignedIn, signIn } from '../support/client.ts'
import { codeOf, codeTo, mailsTo, mailTo, postAndWait } from '../support/mail.ts'

const anyone = client()
const NEW_PASSWORD = `${PASSWORD}-new`
const MINUTE_MS = 60_000
const VERIFY = 'Confirm your email address'
const RESET = 'Reset your password'
const CHANGED = 'Your password was changed'

afterEach(() => vi.restoreAllMocks())

const verify = (token: string) => anyone('POST', '/auth/verify', { token })
const forgot = (email: string) => anyone('POST', '/auth/password/forgot', { email })
const reset = (token: string, new_password = NEW_PASSWORD) =>
  anyone('POST', '/auth/password/reset', { token, new_password })
const refresh = ({ tokens }: SignedIn) => anyone('POST', '/auth/refresh', { refresh_token: tokens.refresh_token })
const login = ({ user }: SignedIn, password = PASSWORD) =>
  anyone('POST', '/auth/login', { username: user.username, password })
const later = (ms: number) => vi.spyOn(Date, 'now').mockReturnValue(Date.now() + ms)
const change = ({ user }: SignedIn, set: string) =>
  env.DB.prepare(`UPDATE users SET ${set} WHERE id = ?`).bind(user.id).run()
const isVerified = async (user: SignedIn) => (await user('GET', '/auth/me')).body.email_verified
const fresh = () => `fresh-${crypto.randomUUID()}@example.com`
const INVALID = { status: 400, body: { code: 'invalid_token' } }

/** A code that resets the password of a user who forgot it. */
async function resetCode({ user }: SignedIn, count = 1) {
  expect((await forgot(user.email)).status).toBe(202)
  return codeTo(user.email, RESET, count)
}

/** The lines that were logged from here on. */
function logged() {
  const spies = (['log', 'warn', 'error'] as const).map((level) => vi.spyOn(console, level))
  return (event: string) =>
    spies
      .flatMap(({ mock }) => mock.calls.map(([line]) => String(line)))
      .filter((line) => line.includes(`"event":"${event}"`))
      .map((line) => JSON.parse(line))
}

test('registration mails a code as text and as HTML, in which a name is only text', async () => {
  const [email, display_name] = [fresh(), `<img src=x onerror=1> & "Ada'`]
  await anyone('POST', '/auth/register', { email, password: PASSWORD, display_name })
  const mail = await mailTo(email, VERIFY)
  expect(mail).toMatchObject({ from: 'Parley <parley@example.com>', to: [email] })
  // The address may be a stranger's, and the name says whatever somebody wants to tell them.
  expect(`${mail.text} ${mail.html}`).not.toContain('onerror')
  expect(mail.html).not.toContain('<img')
  expect(mail.html).toContain(codeOf(mail))
})

test('the code from the mail verifies the address, once', async () => {
  const ada = await signIn()
  const code = await codeTo(ada.user.email, VERIFY)
  expect(await isVerified(ada)).toBe(false)
  expect((await verify(code)).status).toBe(204)
  expect(await isVerified(ada)).toBe(true)
  expect(await verify(code)).toMatchObject(INVALID)
})

test('wrong, old and other codes get one answer, and do nothing', async () => {
  const ada = await signIn()
  const [code, other] = [await codeTo(ada.user.email, VERIFY), await resetCode(ada)]
  const answers = [await verify(other), await reset(code), await verify('nonsense'), await reset('nonsense')]
  later(24 * 60 * MINUTE_MS)
  answers.push(await verify(code))
  vi.restoreAllMocks()
  for (const { status, body } of answers) {
    expect({ status, body: { ...body, request_id: 0 } }).toEqual({
      status: 400,
      body: { ...answers[0]!.body, request_id: 0 },
    })
  }
  expect(answers[0]).toMatchObject(INVALID)
  expect(await isVerified(ada)).toBe(false)
  expect((await login(ada)).status).toBe(200)
  later(23 * 60 * MINUTE_MS)
  expect((await verify(code)).status).toBe(204)
})

test('a code counts only for the address that it was sent to', async () => {
  const [ada, bob] = [await signIn(), await signIn()]
  const codes = [await codeTo(ada.user.email, VERIFY), await codeTo(bob.user.email, VERIFY), await resetCode(bob)]
  const email = fresh()
  expect((await ada('PATCH', '/users/me', { email, current_password: PASSWORD })).status).toBe(200)
  await change(bob, `email = '${fresh()}'`)
  expect(await verify(codes[0]!)).toMatchObject(INVALID)
  expect(await verify(codes[1]!)).toMatchObject(INVALID)
  expect(await reset(codes[2]!)).toMatchObject(INVALID)
  expect((await verify(await codeTo(email, VERIFY))).status).toBe(204)
  expect([await isVerified(ada), await isVerified(bob)]).toEqual([true, false])
})

test('a code that is sent again voids the one before', async () => {
  const ada = await signIn()
  const first = await codeTo(ada.user.email, VERIFY)
  expect((await anyone('POST', '/auth/verify/resend', { email: ` ${ada.user.email.toUpperCase()}` })).status).toBe(202)
  const second = await codeTo(ada.user.email, VERIFY, 2)
  expect(await verify(first)).toMatchObject(INVALID)
  expect((await verify(second)).status).toBe(204)
})

test('whoever asks for a mail is told the same, and only who should gets one', async () => {
  const [ada, verified, disabled] = [await signIn(), await signIn(), await signIn()]
  for (const { user } of [ada, verified, disabled]) await mailTo(user.email, VERIFY)
  await change(verified, 'email_verified_at = 1')
  await change(disabled, 'disabled_at = 1')
  const unknown = fresh()
  const emails = [ada.user.email, verified.user.email, disabled.user.email, unknown]
  const mailsAfter = async (path: string) => {
    const answers = []
    for (const email of emails) answers.push(await postAndWait(path, { email }))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]!.status).toBe(202)
    return Promise.all(emails.map(async (email) => (await mailsTo(email)).length))
  }
  expect(await mailsAfter('/auth/verify/resend')).toEqual([2, 1, 1, 0])
  expect(await mailsAfter('/auth/password/forgot')).toEqual([3, 2, 1, 0])
})

test('a reset sets the password, ends every session, verifies the address, and is told to the owner', async () => {
  const ada = await signIn()
  const phone = client((await login(ada)).body.access_token)
  for (const session of [ada, phone]) expect((await session('GET', '/auth/me')).status).toBe(200)
  const code = await resetCode(ada)
  const events = logged()
  expect((await reset(code)).status).toBe(204)
  for (const session of [ada, phone]) expect((await session('GET', '/auth/me')).status).toBe(401)
  expect((await refresh(ada)).status).toBe(401)
  expect((await login(ada)).status).toBe(401)
  const { status, body } = await login(ada, NEW_PASSWORD)
  expect([status, body.user.email_verified]).toEqual([200, true])
  expect(await reset(code)).toMatchObject(INVALID)
  const notice = await mailTo(ada.user.email, CHANGED)
  expect(notice.text).not.toContain(NEW_PASSWORD)
  expect(events('password_changed')).toMatchObject([{ user_id: ada.user.id }])
  expect(events('session_revoked').map(({ reason }) => reason)).toEqual(['password_reset', 'password_reset'])
})

test('of two resets with one code at once, one sets its password', async () => {
  const ada = await signIn()
  const code = await resetCode(ada)
  const passwords = [`${NEW_PASSWORD}-1`, `${NEW_PASSWORD}-2`]
  const answers = await Promise.all(passwords.map((password) => reset(code, password)))
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 400])
  const winner = answers.findIndex(({ status }) => status === 204)
  expect((await login(ada, passwords[winner])).status).toBe(200)
  expect((await login(ada, passwords[1 - winner])).status).toBe(401)
})

test('a weak new password is refused with the reason, and leaves the code good', async () => {
  const ada = await signIn()
  const code = await resetCode(ada)
  for (const weak of ['short', 'password123', ada.user.username.toUpperCase()]) {
    expect(await reset(code, weak)).toMatchObject({ status: 422, body: { errors: [{ pointer: '/new_password' }] } })
  }
  expect((await reset(code)).status).toBe(204)
})

test('a code that resets a password works for ten minutes', async () => {
  const ada = await signIn()
  const code = await resetCode(ada)
  later(10 * MINUTE_MS)
  expect(await reset(code)).toMatchObject(INVALID)
  vi.restoreAllMocks()
  later(9 * MINUTE_MS)
  expect((await reset(code)).status).toBe(204)
})

test('only the newest code resets a password, and none when the account was closed since', async () => {
  const ada = await signIn()
  const [first, second] = [await resetCode(ada), await resetCode(ada, 2)]
  expect(await reset(first)).toMatchObject(INVALID)
  await change(ada, 'disabled_at = 1')
  expect(await reset(second)).toMatchObject(INVALID)
  await change(ada, 'disabled_at = NULL')
  expect((await reset(second)).status).toBe(204)
})

const CURRENT = { status: 422, body: { errors: [{ pointer: '/current_password' }] } }
const changePassword = (user: SignedIn, current_password = PASSWORD, new_password = NEW_PASSWORD) =>
  user('POST', '/auth/password/change', { current_password, new_password })

test('a change of the password ends all other sessions and the codes of before, and is told to the owner', async () => {
  const ada = await signIn()
  const phone = client((await login(ada)).body.access_token)
  expect((await phone('GET', '/auth/me')).status).toBe(200)
  const code = await resetCode(ada)
  expect((await changePassword(ada)).status).toBe(204)
  expect((await phone('GET', '/auth/me')).status).toBe(401)
  expect([(await ada('GET', '/auth/me')).status, (await refresh(ada)).status]).toEqual([200, 200])
  expect(await reset(code)).toMatchObject(INVALID)
  expect((await login(ada)).status).toBe(401)
  expect((await login(ada, NEW_PASSWORD)).status).toBe(200)
  await mailTo(ada.user.email, CHANGED)
})

test('a change of the password takes the current one, and a new one that is none of the weak', async () => {
  const ada = await signIn()
  const phone = client((await login(ada)).body.access_token)
  expect(await changePassword(ada, 'not-the-password')).toMatchObject(CURRENT)
  const weak = await changePassword(ada, PASSWORD, ada.user.email.toUpperCase())
  expect(weak).toMatchObject({ status: 422, body: { errors: [{ pointer: '/new_password' }] } })
  expect((await phone('GET', '/auth/me')).status).toBe(200)
  expect((await login(ada)).status).toBe(200)
  expect(await mailsTo(ada.user.email, CHANGED)).toEqual([])
})

test('of two changes of a password at once, one is done', async () => {
  const ada = await signIn()
  const passwords = [`${NEW_PASSWORD}-1`, `${NEW_PASSWORD}-2`]
  const answers = await Promise.all(passwords.map((password) => changePassword(ada, PASSWORD, password)))
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 422])
  const winner = answers.findIndex(({ status }) => status === 204)
  expect((await login(ada, passwords[winner])).status).toBe(200)
})

test('a new email takes the password, must be verified anew, and is not named to the old one', async () => {
  const ada = await signIn()
  await verify(await codeTo(ada.user.email, VERIFY))
  const email = fresh()
  expect(await ada('PATCH', '/users/me', { email })).toMatchObject(CURRENT)
  expect(await ada('PATCH', '/users/me', { email, current_password: 'not-the-password' })).toMatchObject(CURRENT)
  expect(await isVerified(ada)).toBe(true)
  const changed = await ada('PATCH', '/users/me', { email: email.toUpperCase(), current_password: PASSWORD })
  expect(changed).toMatchObject({ status: 200, body: { email, email_verified: false } })
  const notice = await mailTo(ada.user.email, 'Your email address was changed')
  expect(JSON.stringify(notice)).not.toContain(email)
  expect((await verify(await codeTo(email, VERIFY))).status).toBe(204)
  expect(await isVerified(ada)).toBe(true)
  expect([(await mailsTo(email)).length, (await mailsTo(ada.user.email)).length]).toEqual([1, 2])
})

test('without a mail provider everything else works, and the log says what is missing', async () => {
  const events = logged()
  const nothing = { MAIL_FROM: '', RESEND_API_KEY: '' }
  const email = fresh()
  expect((await postAndWait('/auth/register', { email, password: PASSWORD }, nothing)).status).toBe(201)
  expect((await postAndWait('/auth/password/forgot', { email }, nothing)).status).toBe(202)
  expect(events('mail_not_configured')).toHaveLength(2)
  expect(await mailsTo(email)).toEqual([])
})

test('a provider that fails is asked once more under one key, and the log tells its status and nothing of the mail', async () => {
  const events = logged()
  const statuses = [500, 500, 503, 200, 422]
  const provider = vi
    .spyOn(globalThis, 'fetch')
    .mockImplementation(async () => new Response(null, { status: statuses.shift() }))
  const emails = [fresh(), fresh(), fresh()]
  for (const email of emails) {
    expect((await postAndWait('/auth/register', { email, password: PASSWORD })).status).toBe(201)
  }
  const calls = provider.mock.calls.map(([, init]) => {
    const { to, text } = JSON.parse(String(init!.body))
    return { to, code: codeOf({ text }), key: new Headers(init!.headers).get('idempotency-key') }
  })
  expect(calls.map(({ to }) => to[0])).toEqual([emails[0], emails[0], emails[1], emails[1], emails[2]])
  expect([calls[1], calls[3]]).toEqual([calls[0], calls[2]])
  expect(new Set(calls.map(({ key }) => key)).size).toBe(3)
  expect(events('mail_failed')).toMatchObject([
    { mailer: 'resend', reason: '500' },
    { mailer: 'resend', reason: '422' },
  ])
  expect(events('mail_sent')).toHaveLength(1)
  const lines = JSON.stringify([...events('mail_failed'), ...events('mail_sent')])
  for (const hidden of [...emails, ...calls.map(({ code }) => code), VERIFY]) expect(lines).not.toContain(hidden)
})

test('a provider that cannot be reached is logged as that', async () => {
  const events = logged()
  const nowhere = { RESEND_BASE_URL: 'http://127.0.0.1:1' }
  expect((await postAndWait('/auth/register', { email: fresh(), password: PASSWORD }, nowhere)).status).toBe(201)
  expect(events('mail_failed')).toMatchObject([{ mailer: 'resend', reason: 'unreachable' }])
})
