/** Paths that are themselves, and not an operation of the API under another name. */
const OWN = /^\/(v1|app|docs|redoc|vendor|assets|openapi\.json|asyncapi\.json)(\/|$)/

/** Whether a path is of the API that clients of OpenAI's speak: it has its own form of errors. */
export const isOpenAi = (path: string): boolean => path === '/v1' || path.startsWith('/v1/')

/**
 * The one path rule: what the contracts wrote as `/auth/login`, `/api/channels` or `/chats` reaches
 * the same operation as its canonical `/api/v1/…`.
 */
export function canonicalPath(pathname: string): string {
  if (pathname === '/' || OWN.test(pathname)) return pathname
  const rest = pathname.replace(/^\/api(\/v1)?(?=\/|$)/, '')
  return `/api/v1${rest.replace(/^\/chats(?=\/|$)/, '/conversations')}`
}

/** What a path begins with, behind `/api/v1` where it is the API's: `users` of `/users/me`; nothing of `/`. */
export const firstSegment = (pathname: string): string =>
  canonicalPath(pathname)
    .replace(/^\/api\/v1(?=\/)/, '')
    .split('/', 2)[1] ?? ''
