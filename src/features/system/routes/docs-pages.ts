// ReDoc cannot do without style elements: an empty one, which it fills through the CSSOM, and that of its scroll bars in
// redoc 2.5.4. After an update the browser's console names the new hash.
const REDOC_STYLES = [
  "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
  "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
]

/** For both pages: everything from this origin, no inline script. */
export const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' ${REDOC_STYLES.join(' ')}`,
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Swagger UI on `/openapi.json`. */
export const swaggerPage = page({
  styles: ['/vendor/swagger-ui.css'],
  scripts: ['/vendor/swagger-ui-bundle.js', '/assets/swagger.js'],
})

/** ReDoc on `/openapi.json`. */
export const redocPage = page({ styles: [], scripts: ['/vendor/redoc.standalone.js', '/assets/redoc.js'] })

function page({ styles, scripts }: { styles: string[]; scripts: string[] }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley API</title>
<link rel="icon" href="data:,">
${['/assets/docs.css', ...styles].map((href) => `<link rel="stylesheet" href="${href}">`).join('\n')}
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript. The document itself is <a href="/openapi.json">/openapi.json</a>.</noscript>
${scripts.map((src) => `<script src="${src}"></script>`).join('\n')}
</body>
</html>
`
}
