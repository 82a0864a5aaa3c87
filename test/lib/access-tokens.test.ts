import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ACCESS_TOKEN_TTL, signAccessToken, verifyAccessToken } from '../../src/features/auth/access-tokens.ts'

const USER = { id: 'u', sessionId: 's' }
const secrets = (secret: string) => ({ JWT_SECRET: secret.repeat(4), JWT_SECRET_PREVIOUS: undefined })

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

test('a token that was good once is looked at again when its time is over', async () => {
  const config = secrets('Qm3vXk81')
  const token = await signAccessToken(USER, config, new Date())
  for (let again = 0; again < 2; again++) expect(await verifyAccessToken(token, config)).toEqual(USER)
  vi.setSystemTime(Date.now() + (ACCESS_TOKEN_TTL - 1) * 1_000)
  expect(await verifyAccessToken(token, config)).toEqual(USER)
  // So much do clocks differ.
  vi.setSystemTime(Date.now() + 40_000)
  expect(await verifyAccessToken(token, config)).toBeUndefined()
})

test('a token that is good under one secret is not so under another, and nobody can change whose it is', async () => {
  const config = secrets('Qm3vXk81')
  const token = await signAccessToken(USER, config, new Date())
  const user = await verifyAccessToken(token, config)
  user!.id = 'another'
  expect(await verifyAccessToken(token, config)).toEqual(USER)
  expect(await verifyAccessToken(token, secrets('pLz0Rt5Y'))).toBeUndefined()
  expect(await verifyAccessToken(`${token.slice(0, -3)}AAA`, config)).toBeUndefined()
})
