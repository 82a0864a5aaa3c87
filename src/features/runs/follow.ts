import type { BaseCtx } from '../../http/context.ts'
import { fromLines } from '../../lib/run-encodings.ts'
import type { RunEvent } from '../../lib/run-events.ts'
import { isTerminal } from '../../lib/terminal-events.ts'
import type { Quota } from '../plans/service/quota.ts'
import { callRunner } from './call-runner.ts'
import type { RunRef } from './job.ts'

/** A Runner that was lost ends its runs when it is asked again: soon, but not at once. */
const RESUME_PAUSES_MS = [50, 500, 2_000]

/** The events of a run for one client, in the groups in which they come, to the terminal one. */
export type RunFeed = {
  run: Pick<RunRef, 'id' | 'messageId' | 'conversationId' | 'context' | 'reserved' | 'model' | 'chatbotId' | 'runner'>
  /** What is left of the month, for who asked for the reply. */
  quota?: Quota
  groups: AsyncGenerator<RunEvent[]>
  /** Stops watching. */
  stop: () => Promise<void>
  /** Makes the run go on even if nobody watches, whatever it was asked for with. */
  keep: () => Promise<void>
  /** What the client has seen before is void. */
  reset: boolean
  /** The client has the events up to this number; they are here only to be folded. */
  skip: number
  /** It is the run of an earlier request with the same key. */
  replayed: boolean
}

/** Who follows a run. `isOpen` is asked with each connection, where who may read may change while it goes on. */
export type Follower = { userId: string; isOpen?: () => Promise<boolean> }

/**
 * The events after number `after` that a Runner sends as `lines`. When it is lost in the middle they go on where they
 * were; should that fail too, or the follower not be allowed to read any more, they end without a terminal event.
 */
export function follow(
  ctx: Pick<BaseCtx, 'runners' | 'log'>,
  run: RunRef,
  lines: ReadableStream<Uint8Array>,
  after: number,
  { userId, isOpen }: Follower,
): RunFeed {
  let reader = lines.getReader()
  let stopped = false
  const reconnect = async (seen: number) => {
    void reader.cancel().catch(() => {})
    const watch = await callRunner(ctx, run.runner!, (runner) => runner.watch(run.id, seen, userId))
    if (watch.kind !== 'stream') return false
    reader = watch.stream.getReader()
    if (stopped) await reader.cancel()
    return !stopped
  }
  async function* groups(): AsyncGenerator<RunEvent[]> {
    let seen = after
    for (let lost = 0; ; lost++) {
      try {
        // Only when the Runner knows of this stream, so that it cuts it off whenever that changes later.
        if (isOpen && !(await isOpen())) return void (await reader.cancel())
        for await (const group of fromLines(reader)) {
          lost = 0
          seen = group.at(-1)!.seq
          yield group
          if (isTerminal(group.at(-1)!)) return
        }
      } catch {
        // A stream that breaks and one that just ends mean the same here.
      }
      const pauseMs = RESUME_PAUSES_MS[lost]
      if (stopped || pauseMs === undefined) return
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      // When it cannot be reached either, the old reader is at its end, and the next pause follows.
      if (!(await reconnect(seen).catch(() => !stopped))) return
    }
  }
  const stop = async () => {
    stopped = true
    await reader.cancel().catch(() => {})
  }
  const keep = () => callRunner(ctx, run.runner!, (runner) => runner.keep(run.id))
  return { run, groups: groups(), stop, keep, reset: false, skip: 0, replayed: false }
}
