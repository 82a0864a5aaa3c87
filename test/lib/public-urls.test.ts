import { expect, test } from 'vitest'
import { isPrivateAddress, urlFault } from '../../src/lib/public-urls.ts'

const OWN = ['parley.example.com']

test.each([
  'https://api.openai.com/v1/chat/completions',
  'https://8.8.8.8/v1',
  'https://[2606:4700:4700::1111]/v1',
  'https://api.openai.com:443/v1',
  'https://localhost.example.com/',
  'https://172.32.0.1/',
])('%s is public', (url) => {
  expect(urlFault(url, OWN)).toBe(undefined)
})

test.each([
  ['http://api.openai.com/', 'Only https'],
  ['ftp://api.openai.com/', 'Only https'],
  ['file:///etc/passwd', 'Only https'],
  ['javascript:alert(1)', 'Only https'],
  ['https://api.openai.com:8443/', 'Only port 443'],
  ['https://user@api.openai.com/', 'No user name or password in it'],
  ['https://:secret@api.openai.com/', 'No user name or password in it'],
  ['https://api.openai.com/#', 'No fragment'],
  ['https://', 'This is not a URL'],
  ['//api.openai.com', 'This is not a URL'],
  [`https://api.openai.com/${'x'.repeat(2_048)}`, 'At most 2048 characters'],
])('%s has not the form', (url, fault) => {
  expect(urlFault(url, OWN)).toBe(fault)
})

test.each([
  'https://localhost/',
  'https://LOCALHOST./',
  'https://a.localhost/',
  'https://printer.local/',
  'https://metadata.google.internal/computeMetadata/v1/',
  'https://metadata.goog/',
  'https://router.home.arpa/',
  'https://intranet/',
  'https://parley.example.com/v1',
  'https://Parley.Example.com./v1',
  'https://x.parley.example.com/v1',
  'https://127.0.0.1/',
  'https://127.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://１２７.０.０.１/',
  'https://①②⑦.0.0.1/',
  'https://127。0。0。1/',
  'https://127.0.0.1./',
  'https://%31%32%37.0.0.1/',
  'https://0/',
  'https://0.0.0.0/',
  'https://10.1.2.3/',
  'https://100.64.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://2852039166/latest/meta-data/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://198.19.0.1/',
  'https://203.0.113.7/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://[::1]/',
  'https://[::]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b:1::1]/',
  'https://[2002:7f00:1::]/',
  'https://[2001::1]/',
  'https://[fd00:ec2::254]/',
  'https://[fe80::1]/',
  'https://[ff02::1]/',
])('%s is not public', (url) => {
  expect(urlFault(url, OWN)).toMatch(/^Not a /)
})

test('what DNS answers is judged by the same blocks', () => {
  expect(['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'].map(isPrivateAddress)).toEqual([false, false])
  expect(['10.0.0.1', '::1', 'fe80::1%eth0', 'nonsense', '1.2.3', '1.2.3.256'].map(isPrivateAddress)).toEqual([
    true,
    true,
    true,
    true,
    true,
    true,
  ])
})
