import fc from 'fast-check'
import type { Schema } from './schemas.ts'

/** Characters that something has gone wrong with somewhere. All are valid text: NUL and halves of pairs are not taken. */
const ODD = [
  ...'éßІ漢ﷺ\u00a0\u200b\u200d\u202e\u2066\ufeff\ufffd\u0301',
  ...'\t\n\r\u0007\u001b\u007f\u0085\u2028',
  ...'"\'\\/<>&%{}[]$`;:,.#?=+*|~^@!()_-',
  '👍',
  '👩‍👩‍👧',
  '🇪🇺',
  'ע',
]
const WORDS = ['Hello', 'null', 'undefined', 'true', '0', '-1', '%00', '../', '{{x}}', '<b>', "' OR 1=1 --"]

const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz ABCXYZ0123456789') },
  { weight: 2, arbitrary: fc.constantFrom(...ODD) },
)
const piece = fc.oneof({ weight: 12, arbitrary: character }, { weight: 1, arbitrary: fc.constantFrom(...WORDS) })

/** Longer ones are made only when they are the longest that there may be. */
const USUAL_LENGTH = 24
const LONGEST = 32_000
/** Of so many texts one in five has to fit a pattern; otherwise they are made of the pattern. */
const TRIED = 100

/** Texts between two lengths in code points, as JSON Schema counts them. */
function textBetween(min: number, max: number): fc.Arbitrary<string> {
  const short = fc
    .array(piece, { minLength: min, maxLength: Math.max(min, Math.min(max, USUAL_LENGTH)) })
    .map((pieces) => fitted(pieces.join(''), min, max))
  if (max <= USUAL_LENGTH || max > LONGEST) return short
  const whole = fc
    .tuple(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.constantFrom('x', '👍'))
    .map(([pieces, filling]) => fitted(pieces.join(''), max, max, filling))
  return fc.oneof({ weight: 12, arbitrary: short }, { weight: 1, arbitrary: whole })
}

/** Cut between two characters, and filled up. */
function fitted(text: string, min: number, max: number, filling = 'x'): string {
  const characters = [...text].slice(0, max)
  return characters.join('') + filling.repeat(Math.max(0, min - characters.length))
}

/** Texts that a schema allows. */
export function textOf({ format, pattern, minLength = 0, maxLength = LONGEST }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid()
  if (format === 'date') return day
  if (format === 'date-time') return moment
  if (format === 'email') return email
  const texts = textBetween(minLength, maxLength)
  if (pattern === undefined) return texts
  const expression = new RegExp(pattern, 'u')
  const isFit = (text: string) => {
    const { length } = [...text]
    return expression.test(text) && length >= minLength && length <= maxLength
  }
  const some = fc.sample(texts, { numRuns: TRIED, seed: 1 })
  if (some.filter(isFit).length >= TRIED / 5) return texts.filter(isFit)
  return fc.stringMatching(expression, { maxLength: Math.min(maxLength, LONGEST) }).filter(isFit)
}

/** Without a time between the days that nobody is asked for. */
const date = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
const day = date.map((when) => when.toISOString().slice(0, 10))
const moment = date.map((when) => when.toISOString())
/** Of the forms that RFC 5321 knows those that somebody has. */
const email = fc.stringMatching(/^[a-z0-9][a-z0-9_+-]{0,20}[a-z0-9]@[a-z0-9]{1,12}\.(com|org|co\.uk)$/)

/** Texts that are refused or kept, but break nothing. */
export const hostileText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud800',
    'a\udc00b',
    '\ufeff',
    '\u202egnirts',
    '👍'.repeat(500),
    '\u0301'.repeat(2_000),
    'ﷺ'.repeat(1_000),
    'x'.repeat(70_000),
    "'; DROP TABLE users; --",
    "' OR '1'='1",
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '{{7*7}}#{7*7}',
    '../../../../etc/passwd',
    '..%2f..%2f',
    '%00',
    '%ff',
    'http://169.254.169.254/',
    'javascript:alert(1)',
    '\r\nX-Injected: 1',
    '__proto__',
    'constructor',
    'NaN',
    '1e309',
    '-0',
    '9007199254740993',
    '00000000-0000-0000-0000-000000000000',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

/** Values of every type, the odd ones among them. */
export const hostileValue = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  fc.constantFrom<unknown>(null, true, false, 0, -0, -1, 0.1, 2 ** 53, -(2 ** 53), 1e308, 5e-324, [], {}, [[]], [null]),
  fc.constantFrom<unknown>({ $ne: null }, { toString: 1 }, { length: 1e9 }, [{}, {}], { '': '' }),
  fc.jsonValue({ maxDepth: 3 }),
)
