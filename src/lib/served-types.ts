/** What no browser can be harmed by, when its bytes are what they say. */
export const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'text/plain'])

/** How a browser may be given it: a few harmless types as they are, all others as bytes to be saved. */
export const servedAs = (mediaType: string) =>
  SHOWN.has(mediaType)
    ? { inline: true, contentType: mediaType === 'text/plain' ? 'text/plain; charset=utf-8' : mediaType }
    : { inline: false, contentType: 'application/octet-stream' }
