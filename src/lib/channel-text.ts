/** Characters of a message of a channel, in code points after NFC. */
export const MAX_MESSAGE = 4_000
const MAX_MENTIONS = 20

/** Text as it is stored: composed, with `\n` at line ends. */
export const composed = (text: string): string => text.replace(/\r\n?/g, '\n').normalize('NFC')

/** Length in code points. */
export const codePoints = (text: string): number => {
  let n = 0
  for (const _ of text) n++
  return n
}

/** ``` blocks, then `spans`: what is code names nobody. An unclosed one is text. */
const CODE = /```[\s\S]*?```|`[^`\n]*`/g
const MENTION = /(?<![\p{L}\p{N}_@./-])@([a-z0-9][a-z0-9._-]{0,31})/giu

/** Lower-cased names that stand after an `@`, each once, at most twenty; `channel` is everybody. */
export function mentionedNames(text: string): string[] {
  const names = new Set<string>()
  for (const [, name] of text.replace(CODE, ' ').matchAll(MENTION)) {
    const written = name!.toLowerCase()
    // A sentence may end after a name.
    names.add(written).add(written.replace(/[._-]+$/, ''))
  }
  return [...names].slice(0, MAX_MENTIONS)
}

const EMOJI = /^(?:\p{RGI_Emoji}|[\p{Emoji_Presentation}--\p{RI}]|[\p{Emoji}--[0-9#*]]\uFE0F)$/v
const SHORTCODE = /^:[a-z0-9_+-]{1,30}:$/

/** Whether a text is one emoji or a `:name:`, of 32 bytes at the most. */
export const isEmoji = (text: string): boolean =>
  text.length <= 32 && new TextEncoder().encode(text).length <= 32 && (EMOJI.test(text) || SHORTCODE.test(text))
