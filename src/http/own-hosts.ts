import type { Context } from 'hono'
import type { Config } from '../env.ts'

/** Names of our own hosts, which nobody may have us call: the one that the request came to, and that of APP_URL. */
export function ownHosts(c: Context): string[] {
  const { APP_URL } = c.get('config') as Config
  return [...new Set([c.req.url, ...(APP_URL ? [APP_URL] : [])].map((url) => new URL(url).hostname))]
}
