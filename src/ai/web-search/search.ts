import { z } from 'zod'
import { brave } from './brave.ts'
import { endpointOf, type Where } from './endpoint.ts'
import { type Engine, MAX_PAGES } from './engine.ts'
import { searxng } from './searxng.ts'
import { tavily } from './tavily.ts'

/** A page that was found. Its texts are what strangers wrote. */
export type FoundPage = { title: string; url: string; content: string }

type Settings = Where & { WEB_SEARCH_KEY?: string; TOOL_MS: number }

const ENGINES: Record<Where['WEB_SEARCH_KIND'], Engine> = { searxng, brave, tavily }
const MAX_ANSWER_BYTES = 1024 * 1024
/** Results that are looked at; of an honest engine the first are pages. */
const MAX_GIVEN = 50

/** Why a search gave nothing; what the engine said goes no further. */
export class SearchFault extends Error {
  readonly reason: 'timeout' | 'status' | 'too_large' | 'garbled' | 'unreachable'

  constructor(reason: SearchFault['reason'], options?: ErrorOptions) {
    super(reason, options)
    this.name = 'SearchFault'
    this.reason = reason
  }
}

/**
 * Asks the engine, which has TOOL_MS for its whole answer; gives at most five pages. Aborting `signal` ends the request.
 * @throws SearchFault
 */
export async function searchWeb(settings: Settings, query: string, signal: AbortSignal): Promise<FoundPage[]> {
  const engine = ENGINES[settings.WEB_SEARCH_KIND]
  const tooLate = AbortSignal.timeout(settings.TOOL_MS)
  try {
    const { url, ...init } = engine.toRequest(new URL(endpointOf(settings)!), query, settings.WEB_SEARCH_KEY)
    const headers = { accept: 'application/json', 'user-agent': 'Parley', ...init.headers }
    // A redirect could lead anywhere, and would take the key along.
    const request = { ...init, headers, redirect: 'manual' as const, signal: AbortSignal.any([signal, tooLate]) }
    const response = await fetch(url, request)
    if (!response.ok) {
      await response.body?.cancel()
      throw new SearchFault('status')
    }
    return pagesOf(engine, await readJson(response))
  } catch (error) {
    if (error instanceof SearchFault) throw error
    throw new SearchFault(tooLate.aborted ? 'timeout' : 'unreachable', { cause: error })
  }
}

async function readJson(response: Response): Promise<unknown> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop closes the connection.
    if (bytes > MAX_ANSWER_BYTES) throw new SearchFault('too_large')
    text += decoder.decode(chunk, { stream: true })
  }
  try {
    return JSON.parse(text + decoder.decode())
  } catch (error) {
    throw new SearchFault('garbled', { cause: error })
  }
}

const Page = z.object({
  title: z.string().catch(''),
  url: z.string().max(2_048),
  content: z.string().catch(''),
})

function pagesOf(engine: Engine, answer: unknown): FoundPage[] {
  let given: unknown[]
  try {
    given = engine.toPages(answer)
  } catch (error) {
    throw new SearchFault('garbled', { cause: error })
  }
  return given
    .slice(0, MAX_GIVEN)
    .map(toPage)
    .filter((page) => page !== undefined)
    .slice(0, MAX_PAGES)
}

/** Nothing for what is no page of the web: a `javascript:` address, say, which a client might make a link of. */
function toPage(given: unknown): FoundPage | undefined {
  const { data } = Page.safeParse(given)
  const url = data && URL.parse(data.url)
  if (!url || !/^https?:$/.test(url.protocol) || url.href.length > 2_048) return undefined
  const title = data.title
    .trim()
    .slice(0, 300)
    .replace(/[\ud800-\udbff]$/, '')
    .toWellFormed()
  return { title: title === '' ? url.hostname : title, url: url.href, content: data.content.trim().toWellFormed() }
}
