import { batch, computed, signal } from '@preact/signals'
import type { ReplyEvent } from '../../api/replies.ts'
import { NOTHING_YET, type Reply, told } from './reply.ts'

/** Watches one reply at a time, and shows it as fast as it can be drawn. */
export class ReplyWatch {
  /** The reply that is being written. */
  readonly reply = signal<Reply | undefined>(undefined)
  readonly isOn = computed(() => this.reply.value !== undefined)
  /** The run of that reply, as soon as there is one. */
  runId: string | undefined

  #abort = new AbortController()
  #frame = 0

  /** Begins with another reply. The signal aborts when that is left. */
  begin(): AbortSignal {
    this.leave()
    this.reply.value = NOTHING_YET
    return this.#abort.signal
  }

  /** The reply goes on; it is only watched no more. */
  leave(): void {
    this.#abort.abort()
    this.#abort = new AbortController()
    cancelAnimationFrame(this.#frame)
    this.runId = undefined
    this.reply.value = undefined
  }

  /**
   * Follows a reply to its end, telling `heard` of each event, then `ended` what it has become; neither once it is left.
   * @throws as `events`
   */
  async follow(
    events: AsyncGenerator<ReplyEvent>,
    signal: AbortSignal,
    { heard, ended }: { heard: (event: ReplyEvent) => void; ended: (reply: Reply) => void },
  ): Promise<void> {
    let reply = NOTHING_YET
    for await (const event of events) {
      if (signal.aborted) return
      reply = told(reply, event)
      this.runId = reply.runId
      heard(event)
      // A reply that is told again comes all at once; nobody sees more than is drawn.
      cancelAnimationFrame(this.#frame)
      this.#frame = requestAnimationFrame(() => {
        this.reply.value = reply
      })
    }
    if (signal.aborted) return
    batch(() => {
      ended(reply)
      this.leave()
    })
  }
}
