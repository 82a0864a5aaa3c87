/** A request that was answered. */
type RequestPoint = {
  method: string
  /** As it is declared, so that there are few of them. */
  route: string | null
  status: number
  ms: number
  trips: number
  rowsRead: number
  rowsWritten: number
}

/** A run that has ended. */
type RunPoint = {
  kind: string
  model: string
  status: string
  error: string | undefined
  ms: number
  /** Until something of the answer came; undefined when nothing did. */
  firstTokenMs: number | undefined
  inputTokens: number
  outputTokens: number
  costMicrousd: number
  tries: number
}

/** Where numbers go that are looked at over many requests. Nothing of a user is among them. */
export type Metrics = { request: (point: RequestPoint) => void; run: (point: RunPoint) => void }

/**
 * Analytics Engine, where wrangler.toml binds it. Nobody waits for it. Which column is what stands in docs/operate.md, whose queries
 * depend on it. There is none for an absent number: it is -1.
 */
export function metricsOf(env: Env): Metrics {
  // An account has to turn it on first, so wrangler.toml names it in a comment and the generated types do not.
  const { ANALYTICS } = env as { ANALYTICS?: AnalyticsEngineDataset }
  return {
    request: ({ method, route, status, ms, trips, rowsRead, rowsWritten }) =>
      ANALYTICS?.writeDataPoint({
        indexes: [(route ?? '').slice(0, 96)],
        blobs: ['request', method, route ?? ''],
        doubles: [ms, status, trips, rowsRead, rowsWritten],
      }),
    run: ({ kind, model, status, error = '', ms, firstTokenMs = -1, ...counts }) =>
      ANALYTICS?.writeDataPoint({
        indexes: [model.slice(0, 96)],
        blobs: ['run', kind, model, status, error],
        doubles: [ms, firstTokenMs, counts.inputTokens, counts.outputTokens, counts.costMicrousd, counts.tries],
      }),
  }
}
