import { expect, test } from 'vitest'
import { canonicalPath } from '../../src/http/paths.ts'
import { decodeCursor, encodeCursor } from '../../src/lib/cursors.ts'
import { shapeFault } from '../../src/lib/json-shape.ts'
import { formatPasswordHash, parsePasswordHash } from '../../src/lib/password-strings.ts'
import { utf8Length } from '../../src/lib/token-estimate.ts'

test('a cursor is read back only for its own list and shape', () => {
  const cursor = encodeCursor({ list: 'a', key: [5, 'x'] })
  expect(decodeCursor(cursor, 'a', ['number', 'string'])).toEqual([5, 'x'])
  expect(decodeCursor(cursor, 'b', ['number', 'string'])).toBe(undefined)
  expect(decodeCursor(cursor, 'a', ['string', 'string'])).toBe(undefined)
  for (const garbage of ['', '%', 'bnVsbA', 'e30', 'W10', '🙂']) expect(decodeCursor(garbage, 'a', [])).toBe(undefined)
})

test('a password string is read back, and one that asks for too much work is not', () => {
  const hash = { ln: 15, r: 8, p: 3, salt: new Uint8Array(16).fill(1), hash: new Uint8Array(32).fill(2) }
  const text = formatPasswordHash(hash)
  expect(parsePasswordHash(text)).toEqual(hash)
  for (const bad of ['ln=17', 'ln=99', 'r=99'])
    expect(parsePasswordHash(text.replace(/ln=15|r=8/, bad))).toBe(undefined)
  for (const bad of ['', 'plain', '$scrypt$', `${text}$`]) expect(parsePasswordHash(bad)).toBe(undefined)
})

test('a path of the contracts is the canonical one under another name', () => {
  const same = { '/auth/login': '/api/v1/auth/login', '/api/channels': '/api/v1/channels', '/health': '/api/v1/health' }
  const chats = { '/chats': '/api/v1/conversations', '/chats/1/messages': '/api/v1/conversations/1/messages' }
  const documents = { '/openapi.json': '/openapi.json', '/asyncapi.json': '/asyncapi.json' }
  const own = { '/': '/', '/docs': '/docs', '/v1/models': '/v1/models', ...documents }
  const alike = {
    '/apis': '/api/v1/apis',
    '/chatsy': '/api/v1/chatsy',
    '/docsy': '/api/v1/docsy',
    '/v12': '/api/v1/v12',
  }
  for (const [from, to] of Object.entries({ ...same, ...chats, ...own, ...alike })) expect(canonicalPath(from)).toBe(to)
})

test('the shape of a body is bounded, and a fault says where', () => {
  expect(shapeFault({ a: [1, 'ü', null, { b: true }] })).toBe(undefined)
  expect(shapeFault({ a: { 'b/c': 'x\0' } })).toMatchObject({ pointer: '/a/b~1c' })
  expect(shapeFault(JSON.parse('{"a":{"__proto__":1}}'))).toMatchObject({ pointer: '/a' })
  expect(shapeFault(JSON.parse('['.repeat(33) + ']'.repeat(33)))).toBeDefined()
  expect(shapeFault(Array(10_001).fill(1))).toBeDefined()
})

test('the length in UTF-8 is counted without encoding', () => {
  for (const text of ['', 'abc', 'grüße', '漢字', '👩‍👩‍👧', 'a\ud800b']) {
    expect(utf8Length(text.toWellFormed())).toBe(new TextEncoder().encode(text).length)
  }
})
