const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** A size as people read it. */
export function bytes(size: number): string {
  const step = Math.min(Math.floor(Math.log2(Math.max(size, 1)) / 10), UNITS.length - 1)
  return `${(size / 1_024 ** step).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${UNITS[step]}`
}
