import type { UpstreamCode } from '../../src/ai/provider.ts'

/** A conversation of the demo data. */
export type Talk = {
  /** Username of its owner. */
  by: string
  /** How long ago it began. */
  hoursAgo: number
  model: 'parley-offline' | 'gpt-4o-mini' | 'gpt-4.1' | 'o3'
  /** What its owner called it; otherwise it is called after its first message. */
  title?: string
  turns: Turn[]
}

export type Turn = {
  ask: string
  /** Empty when the reply failed before it began. */
  reply: string
  /** How the reply ended; without it by itself. */
  end?: 'length' | 'cancelled' | 'interrupted' | UpstreamCode
}

/** A text that is written in several lines here: an empty line parts paragraphs, an item of a list begins a line. */
export function say([source]: TemplateStringsArray): string {
  const paragraphs = source!.trim().split(/\n\s*\n\s*/)
  return paragraphs
    .map((lines) => lines.replace(/\n\s*(- |\d\. )?/g, (_, item) => (item ? `\n${item}` : ' ')))
    .join('\n\n')
}
