/** Server-sent events (WHATWG HTML, section 9.2). */
export type SseFrame = { id?: number; event?: string; data: unknown }

/** One frame; `data` is written as one line of JSON, which holds no raw line break. */
export const frame = ({ id, event, data }: SseFrame): string =>
  `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`

/** A line that clients ignore and proxies see. */
export const comment = (text: string): string => `: ${text}\n\n`

/** How long a browser's EventSource waits before it reconnects, in milliseconds. */
export const retry = (ms: number): string => `retry: ${ms}\n\n`
