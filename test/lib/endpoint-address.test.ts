import { expect, test } from 'vitest'
import { endpointFault } from '../../src/ai/endpoint-address.ts'

const OWN = ['parley.example.com']
const fault = (url: string, list: string[] = [], endpoints: 'public' | 'off' = 'public') =>
  endpointFault(url, { LLM_ENDPOINTS: endpoints, LLM_ENDPOINT_ALLOWLIST: list }, OWN)

test('without a list an address is of the public internet, and has no query string', () => {
  expect(fault('https://api.example.com/v1')).toBe(undefined)
  expect(fault('http://api.example.com/v1')).toBe('Only https')
  expect(fault('https://10.0.0.1/v1')).toBe('Not a public address')
  expect(fault('https://api.parley.example.com/v1')).toBe('Not a host of our own')
  for (const url of ['https://api.example.com/v1?key=secret', 'https://api.example.com/?']) {
    expect(fault(url)).toBe('No query string')
  }
})

test('with a list only its origins may be called, and what it names is trusted', () => {
  const list = ['http://localhost:11434', 'https://10.0.0.1', 'https://parley.example.com']
  for (const origin of list) expect(fault(`${origin}/v1`, list)).toBe(undefined)
  for (const url of [
    'https://api.example.com/v1',
    'http://localhost:11435/v1',
    'https://localhost:11434/v1',
    'http://localhost/v1',
    'http://localhost:11434.example.com/v1',
    'https://10.0.0.1.example.com/',
    'http://localhost:11434@example.com/',
    'nothing',
    '',
  ]) {
    expect([url, fault(url, list)]).toEqual([url, expect.any(String)])
  }
})

test('an address on the list is judged for its form all the same', () => {
  const list = ['http://localhost:11434']
  expect(fault('http://user:secret@localhost:11434/v1', list)).toBe('No user name or password in it')
  expect(fault('http://localhost:11434/v1#a', list)).toBe('No fragment')
  expect(fault('http://localhost:11434/v1?a', list)).toBe('No query string')
  expect(fault(`http://localhost:11434/${'x'.repeat(2_048)}`, list)).toBe('At most 2048 characters')
})

test('none may be called where the operator says so, whatever the list has', () => {
  for (const list of [[], ['https://api.example.com']]) {
    expect(fault('https://api.example.com/v1', list, 'off')).toBe('This server calls no addresses that users enter')
  }
})
