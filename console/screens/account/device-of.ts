/** Most browsers call themselves Chrome and Safari as well, so the first that fits is the one. */
const BROWSERS = { Edg: 'Edge', OPR: 'Opera', Firefox: 'Firefox', FxiOS: 'Firefox', Chrome: 'Chrome', Safari: 'Safari' }
const SYSTEMS = {
  Android: 'Android',
  'iPhone|iPad': 'iOS',
  Windows: 'Windows',
  'Mac OS': 'macOS',
  CrOS: 'ChromeOS',
  Linux: 'Linux',
}

/** A User-Agent in words that a person knows, or as it is. */
export function deviceOf(userAgent: string | null): string {
  if (!userAgent) return 'An unknown device'
  const [browser, system] = [BROWSERS, SYSTEMS].map(
    (names) => Object.entries(names).find(([pattern]) => new RegExp(pattern).test(userAgent))?.[1],
  )
  if (browser) return system ? `${browser} on ${system}` : browser
  return userAgent
}
