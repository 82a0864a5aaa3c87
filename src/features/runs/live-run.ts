import type { NewRunEvent, Source } from '../../lib/run-events.ts'
import { mergeSources } from '../../lib/sources.ts'
import { utf8Length } from '../../lib/token-estimate.ts'
import type { Ending, Job } from './job.ts'
import type { Stopped } from './result.ts'

type Delta = NewRunEvent & { type: 'message.delta' | 'reasoning.delta' }

type Settings = {
  flushMs: number
  flushBytes: number
  /** Stores the events in one write and gives the last number, when they are on disk. */
  append: (events: NewRunEvent[]) => Promise<number>
  /** No watcher has been there for the job's `desertedMs`. */
  onDeserted: () => void
}

/** Somebody who reads a run, as the user `by`. `waiting` while it has all there is; else it has had something to take since `since`. */
export type Watcher = { by: string; waiting: boolean; since: number; cut: (reason: Error) => void }

/** A run that this process is working on: what is buffered, what may be seen, and who waits for more. */
export class LiveRun {
  readonly job: Job
  readonly abort = new AbortController()
  /** Why it was stopped, if somebody stopped it. */
  stopped: Stopped | undefined
  /** Resolves when nothing comes any more. */
  readonly ended: Promise<void>
  isOver = false
  /** How it ended, once that is known. */
  endedAs: Ending['status'] | undefined
  /** Its last events are decided: no other may come before them. */
  isClosing = false
  text = ''
  reasoningLength = 0
  /** When something of the answer first came, in Unix milliseconds. */
  firstDeltaAt: number | undefined
  /** What the web search found, each page once. */
  sources: Source[] = []
  /** Number of the last event that is on disk, and so may be seen. */
  visibleSeq = 0

  readonly #settings: Settings
  readonly #watchers = new Set<Watcher>()
  #buffer: Delta[] = []
  #bufferedBytes = 0
  #flushed = false
  #flushTimer: ReturnType<typeof setTimeout> | undefined
  #desertedTimer: ReturnType<typeof setTimeout> | undefined
  #changed = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  #writes: Promise<void> = Promise.resolve()

  constructor(job: Job, settings: Settings) {
    this.job = job
    this.#settings = settings
    this.ended = this.#ended.promise
  }

  /** Deltas of one kind become one event. The first goes out at once, later ones together. */
  delta(kind: 'text' | 'reasoning', delta: string): void {
    this.firstDeltaAt ??= Date.now()
    const type = kind === 'text' ? ('message.delta' as const) : ('reasoning.delta' as const)
    const last = this.#buffer.at(-1)
    const offset = kind === 'text' ? this.text.length : this.reasoningLength
    if (last?.type === type) last.delta += delta
    else this.#buffer.push({ type, offset, delta })
    if (kind === 'text') this.text += delta
    else this.reasoningLength += delta.length
    this.#bufferedBytes += utf8Length(delta)
    const { flushMs, flushBytes } = this.#settings
    if (!this.#flushed || flushMs === 0 || this.#bufferedBytes >= flushBytes) this.flush()
    else this.#flushTimer ??= setTimeout(() => this.flush(), flushMs)
  }

  flush(): void {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    if (this.#buffer.length === 0) return
    const events = this.#buffer
    this.#buffer = []
    this.#bufferedBytes = 0
    this.#flushed = true
    this.emit(events)
  }

  /** Tells of a tool, after all that was written before. */
  tell(event: NewRunEvent): void {
    this.flush()
    if (event.type === 'tool.result') this.sources = mergeSources(this.sources, event.sources)
    this.emit([event])
    // Whoever waited for the tool waits for the next word.
    this.#flushed = false
  }

  /** Stores events in order, and shows them as soon as they are on disk. */
  emit(events: NewRunEvent[]): void {
    const stored = this.#settings.append(events)
    this.#writes = Promise.all([stored, this.#writes]).then(([seq]) => {
      this.visibleSeq = seq
      this.#wake()
    })
    // Whoever ends the run waits for `written()`, and hears of a failure there.
    this.#writes.catch(() => {})
  }

  /** Resolves when all that was emitted is on disk. */
  written(): Promise<void> {
    return this.#writes
  }

  /** Resolves when there may be more to read, when nothing will come any more, or after `ms` in silence. */
  async changed(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const silence = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([this.#changed.promise, silence])
    clearTimeout(timer)
  }

  /** Nothing comes any more. */
  end(): void {
    this.isOver = true
    clearTimeout(this.#flushTimer)
    clearTimeout(this.#desertedTimer)
    this.#wake()
    this.#ended.resolve()
  }

  join(watcher: Watcher): void {
    this.#watchers.add(watcher)
    clearTimeout(this.#desertedTimer)
  }

  leave(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    const { desertedMs } = this.job
    if (this.#watchers.size > 0 || this.isOver || desertedMs === undefined) return
    clearTimeout(this.#desertedTimer)
    // It may have been asked to go on by then.
    const end = () => this.job.desertedMs !== undefined && this.#settings.onDeserted()
    this.#desertedTimer = setTimeout(end, desertedMs)
  }

  /** Cuts off watchers that have had something to take for `ms` and took nothing; they can resume. */
  cutStalled(ms: number): void {
    const isStalled = ({ waiting, since }: Watcher) => !waiting && Date.now() - since >= ms
    this.#cut(isStalled, 'The reader took nothing for too long')
  }

  /** Cuts off these users, who may not read it any more. */
  turnAway(userIds: string[]): void {
    this.#cut(({ by }) => userIds.includes(by), 'The reader may not read it any more')
  }

  #cut(which: (watcher: Watcher) => boolean, reason: string): void {
    for (const watcher of this.#watchers) {
      if (!which(watcher)) continue
      watcher.cut(new Error(reason))
      this.leave(watcher)
    }
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
