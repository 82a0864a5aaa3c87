const DAY_MS = 86_400_000
/** The last time that there is for a Date, and before 1970 the first (ECMA-262, section 21.4.1.1). */
const MOST_MS = 8_640_000_000_000_000
const MIDNIGHT = '00:00:00.000Z'

/** How a day is written, by its number since 1970. */
const dates = new Map<number, string>()
const MOST_DATES = 2_000

/**
 * A time as answers tell it: RFC 3339, in UTC and with milliseconds, as `Date.toISOString` writes it. That takes five times as long, and a
 * list has two in each row; here a date is written once. Numbers are milliseconds since 1970.
 * @throws RangeError for what is no time
 */
export function toTimestamp(at: Date | number): string
export function toTimestamp(at: Date | number | null): string | null
export function toTimestamp(at: Date | number | null): string | null {
  if (at === null) return null
  const ms = Math.trunc(Number(at))
  if (!(Math.abs(ms) <= MOST_MS)) throw new RangeError(`${ms} is no time`)
  const day = Math.floor(ms / DAY_MS)
  const inDay = ms - day * DAY_MS
  const seconds = Math.floor(inDay / 1_000)
  const minutes = Math.floor(seconds / 60)
  const clock = `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}`
  return `${dateOf(day)}${clock}.${three(inDay % 1_000)}Z`
}

/** With the T that follows it. */
function dateOf(day: number): string {
  const known = dates.get(day)
  if (known) return known
  const date = new Date(day * DAY_MS).toISOString().slice(0, -MIDNIGHT.length)
  if (dates.size >= MOST_DATES) dates.clear()
  dates.set(day, date)
  return date
}

const two = (number: number) => (number < 10 ? `0${number}` : `${number}`)
const three = (number: number) => (number < 100 ? `0${two(number)}` : `${number}`)
