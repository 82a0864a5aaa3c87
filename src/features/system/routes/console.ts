import type { App } from '../../../http/create-app.ts'
import { notFound } from '../../../http/errors.ts'

/** Everything from this origin, and no text ever becomes a script or an element: the page has no need of either. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** The console: one page under all of its paths. What it loads comes from `/app/assets`, which the Worker does not see. */
export function serveConsole(app: App): void {
  for (const path of ['/app', '/app/*']) {
    app.get(path, async (c) => {
      // A script of an older version must not be answered with a page.
      if (c.req.path.startsWith('/app/assets/')) throw notFound()
      const page = await c.env.ASSETS.fetch(new URL('/app/', c.req.url))
      if (!page.ok) throw notFound()
      return new Response(page.body, {
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY },
      })
    })
  }
}
