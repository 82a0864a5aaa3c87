import type { Model } from './models.ts'

/** An OpenAI-compatible server that a user entered for a chatbot. `sealed` is what it wants as its key, if anything. */
export type Endpoint = {
  /** Base URL; judged before each call. */
  url: string
  chatbotId: string
  sealed: string | null
  /** Names of our own hosts, which it must not be. */
  ownHosts: string[]
}

/** What stands for the model in the books of a run at an endpoint: how its owner calls it is nobody's business there, nor its price. */
export const AT_ENDPOINT = 'endpoint'

/** Who is asked for an answer: a model that is served here, or one at an endpoint. */
export type Target = Model & { endpoint?: Endpoint }

/** Who answers a target, in one word. */
export const upstreamOf = ({ endpoint, provider }: Target): string =>
  endpoint ? (URL.parse(endpoint.url)?.host ?? 'endpoint') : provider
