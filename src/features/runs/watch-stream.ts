import type { EventLog } from './event-log.ts'
import type { LiveRun, Watcher } from './live-run.ts'

type Watched = {
  log: EventLog
  runId: string
  after: number
  probeMs: number
  live?: LiveRun | undefined
  /** The user who watches. */
  by: string
}

/**
 * The events of a run after number `after`, as lines of JSON: those logged, then, while it is `live`, those to come.
 * A watcher is a place in the log: it takes what it can, at its own pace, and holds nothing in memory. That it has gone
 * shows only when something is sent, so an empty line is sent whenever `probeMs` passed in silence.
 */
export function watchStream({ log, runId, after, probeMs, live, by }: Watched): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let cursor = after
  let isCut = false
  const watcher: Watcher = { by, waiting: false, since: Date.now(), cut: () => {} }
  live?.join(watcher)
  return new ReadableStream({
    type: 'bytes',
    start: (controller) => {
      watcher.cut = (reason) => {
        isCut = true
        controller.error(reason)
      }
    },
    pull: async (controller) => {
      const send = (text: string) => {
        watcher.waiting = false
        watcher.since = Date.now()
        controller.enqueue(encoder.encode(text))
      }
      for (let isFirst = true; ; isFirst = false) {
        const isOver = live?.isOver ?? true
        const found = log.read(runId, cursor, isOver ? Number.MAX_SAFE_INTEGER : live!.visibleSeq)
        if (found) {
          cursor = found.lastSeq
          return send(found.lines)
        }
        if (isOver) {
          controller.close()
          controller.byobRequest?.respond(0)
          return
        }
        if (!isFirst) return send('\n')
        watcher.waiting = true
        await live!.changed(probeMs)
        if (isCut) return
      }
    },
    cancel: () => live?.leave(watcher),
  })
}
