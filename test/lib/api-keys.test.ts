import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { KEY_KINDS, kindOfApiKey, newApiKey, shownOf } from '../../src/lib/api-keys.ts'

test('a key has a prefix, 256 random bits and a checksum', () => {
  for (const kind of KEY_KINDS) {
    const key = newApiKey(kind)
    expect(key).toMatch(new RegExp(`^parley_${kind}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$`))
    expect(kindOfApiKey(key)).toBe(kind)
    const end = key.lastIndexOf('_')
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    const check = [...key.slice(end + 1)].reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0)
    expect(check).toBe(crc32(key.slice(0, end)))
  }
  expect(new Set(Array.from({ length: 100 }, () => newApiKey('sk'))).size).toBe(100)
})

test('what is no key, or has a character changed, is none', () => {
  const key = newApiKey('sk')
  const changed = Array.from(key, (char, at) => `${key.slice(0, at)}${char === 'x' ? 'y' : 'x'}${key.slice(at + 1)}`)
  for (const text of [...changed, '', 'sk-proj-1', key.slice(1), `${key} `, `${key}\n`, key.replace('_sk_', '_pk_')]) {
    expect(kindOfApiKey(text)).toBe(undefined)
  }
})

test('lists show where a key begins and ends', () => {
  const key = newApiKey('pk')
  expect(shownOf(key)).toEqual({ prefix: key.slice(0, 14), lastFour: key.slice(-4) })
})
