const fontFamily = 'system-ui, sans-serif'

Redoc.init(
  '/openapi.json',
  {
    // The search runs in a worker made from a blob, which the Content-Security-Policy forbids.
    disableSearch: true,
    theme: { typography: { fontFamily, headings: { fontFamily } } },
  },
  document.getElementById('docs'),
)
