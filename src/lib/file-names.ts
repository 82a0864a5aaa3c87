const MAX_LENGTH = 200

/** What moves text about or cannot be seen: control, format (bidi marks among them) and separator characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** What a client calls a file, as it may be shown: its last path segment, at most 200 characters; `file` when nothing is left. */
export function displayName(given: string): string {
  const name = given.toWellFormed().replace(INVISIBLE, '').split(/[/\\]/).at(-1)!.trim()
  if (/^\.*$/.test(name)) return 'file'
  const characters = Array.from(name)
  if (characters.length <= MAX_LENGTH) return name
  const extension = /\.[^.\s]{1,15}$/.exec(name)?.[0] ?? ''
  return characters.slice(0, MAX_LENGTH - extension.length).join('') + extension
}

/**
 * A Content-Disposition header (RFC 6266) with the name twice: in ASCII for old clients, and in full (RFC 8187). A raw
 * name could break the header.
 */
export function contentDisposition(type: 'inline' | 'attachment', name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${type}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
