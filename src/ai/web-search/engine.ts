type Asking = { url: URL; method?: 'POST'; headers?: Record<string, string>; body?: string }

/** What a search engine is asked with, and where in its answer the pages are. */
export interface Engine {
  toRequest(endpoint: URL, query: string, key: string | undefined): Asking
  /** The pages of an answer, each still to be checked. @throws when the answer has another shape */
  toPages(answer: unknown): unknown[]
}

/** Pages that are asked for and used at the most. */
export const MAX_PAGES = 5
