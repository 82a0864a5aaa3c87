import { expect, test } from 'vitest'
import { newSecret } from '../../src/lib/ids.ts'
import { isSealingKey, seal, unseal } from '../../src/lib/sealed-secrets.ts'

const [one, two] = [
  { id: 'k1', key: newSecret() },
  { id: 'k2', key: newSecret() },
]

test('a secret opens with the associated data that it was sealed with, and with no other', async () => {
  const sealed = await seal([one], 'sk-ünïcode', 'bot-1 https://api.example.com')
  expect(await unseal([one], sealed, 'bot-1 https://api.example.com')).toBe('sk-ünïcode')
  expect(await unseal([one], sealed, 'bot-1 https://api.example.org')).toBe(undefined)
  expect(await unseal([one], sealed, 'bot-2 https://api.example.com')).toBe(undefined)
  expect(await unseal([{ ...one, key: newSecret() }], sealed, 'bot-1 https://api.example.com')).toBe(undefined)
})

test('a new key seals, and the one before it opens what it sealed until that is gone', async () => {
  const old = await seal([one], 'secret', 'a')
  const fresh = await seal([two, one], 'secret', 'a')
  expect(fresh.startsWith('k2.')).toBe(true)
  expect(await unseal([two, one], old, 'a')).toBe('secret')
  expect(await unseal([two], old, 'a')).toBe(undefined)
  expect(await unseal([two, one], fresh, 'a')).toBe('secret')
})

test('the same secret never looks the same, and a change of it is noticed', async () => {
  const sealed = await seal([one], 'secret', 'a')
  expect(await seal([one], 'secret', 'a')).not.toBe(sealed)
  const end = sealed.endsWith('A') ? 'Q' : 'A'
  for (const changed of [`${sealed.slice(0, -1)}${end}`, sealed.slice(0, -4), 'k1..', 'k1', '', 'k1.%.%']) {
    expect(await unseal([one], changed, 'a')).toBe(undefined)
  }
})

test('a key has 256 bits', () => {
  expect([newSecret(), newSecret(16), 'no key!', ''].map(isSealingKey)).toEqual([true, false, false, false])
})
