import { z } from 'zod'
import type { ToolCall } from '../../ai/provider.ts'
import { type FoundPage, type SearchFault, searchWeb } from '../../ai/web-search/search.ts'
import type { Config } from '../../env.ts'
import type { Source } from '../../lib/run-events.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import { MAX_QUERY } from './search-offer.ts'

/** What came of a call: `text` is for the model, the rest for those who watch. */
export type ToolResult = { ok: boolean; text: string; summary: string; sources: Source[] }

/** A call that cannot be answered is no failure of the run: the model is told why. */
export const toolError = (summary: string): ToolResult => ({
  ok: false,
  text: JSON.stringify({ error: summary }),
  summary,
  sources: [],
})

const Arguments = z.strictObject({
  query: z
    .string()
    .trim()
    .min(1)
    .max(2 * MAX_QUERY)
    .refine((query) => [...query].length <= MAX_QUERY),
})

/** Answers a call of the search; `maxBytes` is for what the model gets of it. @throws SearchFault */
export async function search(call: ToolCall, config: Config, maxBytes: number, signal: AbortSignal) {
  const query = readQuery(call.arguments)
  if (query === undefined)
    return toolError(`The arguments must be {"query": a text of at most ${MAX_QUERY} characters}`)
  const found = await searchWeb(config, query, signal)
  const pages = fitting(found, maxBytes)
  if (found.length > 0 && pages.length === 0) return toolError('There is no room for what was found')
  const sources = pages.map(({ title, url }) => ({ title, url }))
  const summary = pages.length === 1 ? '1 page found' : `${pages.length} pages found`
  return { ok: true, text: JSON.stringify({ results: pages }), summary, sources }
}

function readQuery(json: string): string | undefined {
  try {
    return Arguments.safeParse(JSON.parse(json)).data?.query
  } catch {
    return undefined
  }
}

/** Why a search failed, in our words. */
export const searchFailure = (error: SearchFault): ToolResult =>
  toolError(error.reason === 'timeout' ? 'The search took too long' : 'The search failed')

const bytesOf = (value: unknown) => utf8Length(JSON.stringify(value))
const FRAME_BYTES = bytesOf({ results: [] })

/** The pages with as much of their text as fits, each an equal share, so that the JSON of them all has `maxBytes`. */
function fitting(pages: FoundPage[], maxBytes: number): FoundPage[] {
  // One byte is for the comma.
  const share = Math.floor((maxBytes - FRAME_BYTES) / pages.length) - 1
  return pages
    .map((page) => ({ ...page, content: cut(page.content, share - bytesOf({ ...page, content: '' })) }))
    .filter((page) => bytesOf(page) <= share)
}

/** The beginning of a text that has at most `maxBytes` in JSON, cut between characters. */
function cut(text: string, maxBytes: number): string {
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += bytesOf(character) - 2
    if (bytes > maxBytes) break
    kept += character
  }
  return kept
}
