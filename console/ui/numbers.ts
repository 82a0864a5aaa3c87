const COMPACT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })
const WHOLE = new Intl.NumberFormat()
const UP_TO_ONE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })
const MONEY = new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD', maximumFractionDigits: 4 })
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1234567` */
export const whole = (count: number): string => WHOLE.format(count)

/** `1.2M`, for where there is little room. */
export const compact = (count: number): string => COMPACT.format(count)

/** `1.5 MiB` */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), UNITS.length - 1)
  return `${UP_TO_ONE.format(count / 1_024 ** power)} ${UNITS[power]}`
}

/** `350 ms`, `1.4 s`, `2.5 min` */
export function duration(ms: number): string {
  if (ms < 1_000) return `${WHOLE.format(ms)} ms`
  return ms < 60_000 ? `${UP_TO_ONE.format(ms / 1_000)} s` : `${UP_TO_ONE.format(ms / 60_000)} min`
}

/** `$0.0123` */
export const money = (microUsd: number): string => MONEY.format(microUsd / 1_000_000)
