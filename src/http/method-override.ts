const UPLOAD = /^(\/api(\/v1)?)?\/uploads\/[^/]+$/

/**
 * The request as it is meant: a client of tus behind a proxy that lets nothing but POST through names the method in a header
 * (tus 1.0, X-HTTP-Method-Override). Nothing else may.
 */
export function asMeant(request: Request): Request {
  const method = request.headers.get('x-http-method-override') ?? ''
  if (request.method !== 'POST' || !/^(HEAD|PATCH|DELETE)$/.test(method)) return request
  if (!UPLOAD.test(new URL(request.url).pathname)) return request
  return method === 'HEAD'
    ? new Request(request.url, { method, headers: request.headers, signal: request.signal })
    : new Request(request, { method })
}
