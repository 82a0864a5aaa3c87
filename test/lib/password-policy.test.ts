import { expect, test } from 'vitest'
import { COMMON_PASSWORDS, isCommonPassword } from '../../src/features/auth/password-blocklist.ts'
import { checkPassword } from '../../src/features/auth/password-policy.ts'

const ada = { email: 'ada.lovelace@example.com', username: 'countess-ada' }
type Args = Parameters<typeof checkPassword>
const check = (...[password, owner, policy]: [Args[0], Args[1], Args[2]]) =>
  checkPassword(password, owner, policy, isCommonPassword)
const GOOD = 'correct-horse-battery'

test('a password has 8 to 256 code points, however many units they take', () => {
  for (const char of ['x', ' ', 'ö', '😀']) {
    expect(check(char.repeat(7), ada, 'demo')).toBe('The password must have at least 8 characters')
    expect(check(char.repeat(8), ada, 'demo')).toBeUndefined()
    expect(check(char.repeat(256), ada, 'default')).toBeUndefined()
    expect(check(char.repeat(257), ada, 'default')).toBe('The password must have at most 256 characters')
  }
})

test('an absurdly long password is refused without being taken apart', () => {
  expect(check('😀'.repeat(100_000_000), ada, 'default')).toContain('at most 256')
})

test('the strict policy asks for 15 code points', () => {
  expect(check('fourteen chars', ada, 'strict')).toBe('The password must have at least 15 characters')
  expect(check('fifteen letters', ada, 'strict')).toBeUndefined()
})

test('the list has 3,000 different passwords of 8 characters or more in lower case', () => {
  const list = COMMON_PASSWORDS.split('\n')
  expect(new Set(list).size).toBe(3_000)
  expect(list.filter((each) => [...each].length < 8 || each !== each.toLowerCase())).toEqual([])
})

test('common passwords are refused in any case, and only whole', () => {
  for (const password of ['password123', 'PASSWORD123', 'Password', '12345678', 'qwertyuiop', 'iloveyou'])
    expect(check(password, ada, 'default'), password).toContain('too common')
  for (const password of [GOOD, 'securepassword123', ' password123', 'password123 ', 'assword123'])
    expect(check(password, ada, 'default'), password).toBeUndefined()
})

test('the email address, its local part and the username are refused in any case', () => {
  for (const password of ['Ada.Lovelace@Example.com', 'ADA.LOVELACE', 'countess-ada', 'Countess-Ada'])
    expect(check(password, ada, 'default'), password).toContain('email address or the username')
  expect(check('countess-ada', { username: 'Countess-Ada' }, 'default')).toContain('the username')
  expect(check('countess-ada-1815', ada, 'default')).toBeUndefined()
})

test('a user without email or username can have a password', () => {
  expect(check(GOOD, {}, 'default')).toBeUndefined()
  expect(check(GOOD, { email: null, username: null }, 'default')).toBeUndefined()
})

test('the name of the service with digits and signs is refused, a real password with it is not', () => {
  for (const password of ['parley123', 'PARLEY2026!', 'Parley Parley', '!!parley!!', 'parleyparley'])
    expect(check(password, {}, 'default'), password).toContain('name of this service')
  for (const password of ['parley-with-pirates', 'parley-83746152', 'parsley123'])
    expect(check(password, {}, 'default'), password).toBeUndefined()
})

test('the demo policy turns only the list off', () => {
  expect(check('password123', ada, 'demo')).toBeUndefined()
  expect(check('short', ada, 'demo')).toContain('at least 8')
  expect(check('countess-ada', ada, 'demo')).toContain('username')
  expect(check('parley123', ada, 'demo')).toContain('name of this service')
})
