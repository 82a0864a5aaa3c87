/** UTF-8 length of a text in bytes, without encoding it. */
export function utf8Length(text: string): number {
  let bytes = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit >= 0xd800 && unit < 0xdc00) {
      bytes += 4
      at += 1
    } else bytes += 3
  }
  return bytes
}

/** Tokens of one chat message, high for ordinary text, so that what fits here mostly fits at every provider. */
export const estimateTokens = (text: string): number => Math.ceil(utf8Length(text) / 3) + 4
