import type { Hono } from 'hono'
import { TrieRouter } from 'hono/router/trie-router'

/** Finds the methods that a path takes, so that a wrong one is 405 with `Allow`, not 404 (RFC 9110 15.5.6). */
export function allowedMethods(app: Hono<never>): (path: string) => string[] {
  const methods = new TrieRouter<string>()
  let known = 0
  return (path) => {
    // What was mounted since the last miss. Middleware is registered for ALL and says nothing.
    for (const route of app.routes.slice(known)) {
      if (route.method !== 'ALL') methods.add('ALL', route.path, route.method)
    }
    known = app.routes.length
    const found = methods.match('ALL', path)[0].map(([method]) => method)
    return [...new Set(found.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))]
  }
}
