/** A control character that no text has. */
const BINARY = /(?![\t\n\f\r])\p{Cc}/u

/** Whether bytes from the start of a file look like UTF-8 text. The last character may be cut. */
export function looksLikeText(head: Uint8Array): boolean {
  if (head.length === 0) return false
  try {
    return !BINARY.test(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(head, { stream: true }))
  } catch {
    return false
  }
}

/** UTF-8 bytes as text. A character that is cut at the end is left out, and so is what no text has. */
export const visibleText = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8').decode(bytes, { stream: true }).replace(/(?![\t\n\f\r])\p{Cc}/gu, '')
