import { visibleText } from '../../lib/text-bytes.ts'

/** As much of a text as a model is shown; `isWhole` when that is all of it. */
export type Excerpt = { text: string; isWhole: boolean }

/** Bytes of a text that `estimateTokens` counts as so many tokens. */
export const bytesOf = (tokens: number): number => 3 * tokens

/** The start of a text file of `size` bytes, of which `head` are the first. */
export function excerptOf(head: Uint8Array, size: number, maxTokens: number): Excerpt {
  const bytes = head.subarray(0, bytesOf(maxTokens))
  return { text: visibleText(bytes), isWhole: size <= bytes.length }
}

/** A text that may be longer than `maxTokens` allow. */
export function cutTo({ text, isWhole }: Excerpt, maxTokens: number): Excerpt {
  const bytes = new TextEncoder().encode(text)
  const cut = excerptOf(bytes, bytes.length, maxTokens)
  return { text: cut.text, isWhole: isWhole && cut.isWhole }
}
