import { batch, signal } from '@preact/signals'
import { api, ok, type Schemas } from '../../api/client.ts'
import { Problem } from '../../api/problem.ts'
import { askForReply, type ReplyEvent, watchReply } from '../../api/replies.ts'
import { tellFault } from '../../ui/toasts.tsx'
import type { Words } from './draft.ts'
import { isPending, pending } from './pending.ts'
import { refreshQuota } from './quota.tsx'
import { type Message, messageOf, type Reply } from './reply.ts'
import { ReplyWatch } from './reply-watch.ts'
import { tellAllTabs, tellOtherTabs } from './tabs.ts'
import type { Thread } from './thread.ts'

/** A request for a reply, to be sent again as it is: under its key it makes one reply, however often it is sent. */
type Request = {
  path: string
  body: object
  key: string
  /** What was shown before it, to go back to. */
  before: Message[]
  words?: Words
  /** Nobody waits for it, though it is not known to have begun. */
  isLeft?: boolean
}

/** One reply at a time in a conversation, from its request to its end: asked for, watched, stopped, left, or taken back. */
export class Asking {
  /** A request that got no reply, and why. */
  readonly refused = signal<{ request?: Request; error: unknown } | undefined>(undefined)
  readonly isStopping = signal(false)
  /** What was told of replies that have ended: their reasoning and faults are in no list. */
  readonly ended = new Map<string, Reply>()

  #watch = new ReplyWatch()
  /** What the last message is about to be. */
  readonly reply = this.#watch.reply
  readonly isReplying = this.#watch.isOn

  /** What is sent, until its reply has begun. */
  #asked: Request | undefined

  constructor(private readonly thread: Thread) {}

  async ask(request: Request, siblings = 1): Promise<void> {
    const { thread } = this
    const signal = this.#begin()
    this.#asked = request
    const last = thread.messages.value.at(-1)
    // It is there already when the request is sent again.
    if (last?.status !== 'in_progress') {
      thread.messages.value = [...thread.messages.value, { ...pending('assistant', thread.id, last), siblings }]
    }
    try {
      await this.#follow(askForReply(request.path, request.body, request.key, signal), signal)
      if (!request.isLeft) return
      if (request.words) thread.draft.drop(request.words)
      tellAllTabs(thread.id)
    } catch (error) {
      // The server has nothing of what it refused: said again, that is something new.
      if (error instanceof Problem && error.status < 500) delete request.words?.sent
      if (request.isLeft) tellFault(error)
      if (signal.aborted) return
      this.#asked = undefined
      this.#watch.leave()
      this.refused.value = { request, error }
      // Somebody else is asking here, in another tab or on another device: that is to be seen first.
      if (!(error instanceof Problem) || error.code !== 'conversation_busy') return
      this.takeBack()
      tellFault(error)
      await thread.load()
    }
  }

  /** Sends what was refused again, under its key, or looks again for a reply that could not be watched. */
  again(): Promise<void> {
    const request = this.refused.value?.request
    if (request) return this.ask(request)
    this.refused.value = undefined
    return this.thread.load()
  }

  /** Gives up what was refused. Its words are back where they were written. */
  takeBack(): void {
    const request = this.refused.value?.request
    this.refused.value = undefined
    if (!request) return
    this.thread.messages.value = request.before
    if (request.words) this.thread.draft.restore(request.words)
  }

  /** Ends the reply, as soon as there is one. */
  async stop(): Promise<void> {
    this.isStopping.value = true
    const runId = this.#watch.runId
    if (!runId) return
    await ok(api.POST('/api/v1/runs/{id}/cancel', { params: { path: { id: runId } } })).catch((error) => {
      this.isStopping.value = false
      tellFault(error)
    })
  }

  /** The reply is watched no more, though it goes on. Until it is known to have begun, its words are in the draft. */
  leave(): void {
    if (this.#asked) {
      this.#asked.isLeft = true
      if (this.#asked.words) this.thread.draft.restore(this.#asked.words)
    }
    this.#asked = undefined
    this.#watch.leave()
  }

  /** Leaves a reply that has ended as the server has it: this page was asleep, or its connection dead. */
  leaveEnded(stored: Message | undefined): void {
    const reply = this.reply.value
    if (!reply || !stored || stored.status === 'in_progress') return
    // Its end is in the message; what was heard of its reasoning is not.
    this.ended.set(stored.id, { ...reply, end: undefined })
    this.leave()
    void refreshQuota()
  }

  /** Goes on with a reply that was being written when the conversation was loaded. */
  watchLast(): void {
    const last = this.thread.messages.value.at(-1)
    if (this.reply.value || last?.status !== 'in_progress' || !last.run_id) return
    const signal = this.#begin()
    this.#follow(watchReply(last.run_id, signal), signal).catch((error) => {
      if (signal.aborted) return
      this.#watch.leave()
      this.refused.value = { error }
    })
  }

  #begin(): AbortSignal {
    this.refused.value = undefined
    this.isStopping.value = false
    return this.#watch.begin()
  }

  #follow(events: AsyncGenerator<ReplyEvent>, signal: AbortSignal): Promise<void> {
    const { thread } = this
    return this.#watch.follow(events, signal, {
      heard: (event) => {
        if (event.type === 'run.created') this.#begun(event)
        else if (event.type === 'title') thread.change({ ...thread.conversation.value!, title: event.title })
      },
      ended: (reply) => {
        const shown = thread.messages.value
        const placeholder = shown.at(-1)!
        this.ended.set(placeholder.id, reply)
        thread.messages.value = [...shown.slice(0, -1), messageOf(placeholder, reply)]
        void refreshQuota()
      },
    })
  }

  #begun(event: Schemas['RunCreatedEvent']): void {
    this.#asked = undefined
    if (this.isStopping.value) void this.stop()
    this.#place(event)
  }

  /** What was pending is stored now, under these ids. */
  #place({ user_message_id, message_id, run_id, model, warnings, context }: Schemas['RunCreatedEvent']): void {
    const { thread } = this
    const shown = thread.messages.value
    if (!isPending(shown.at(-1)!)) return
    const said = shown.at(-2)
    const reply = { ...shown.at(-1)!, id: message_id!, parent_id: user_message_id, run_id, model, warnings, context }
    batch(() => {
      thread.messages.value = [...shown.slice(0, -2), ...(said ? [{ ...said, id: user_message_id! }] : []), reply]
      thread.change({ ...thread.conversation.value!, updated_at: new Date().toISOString() })
    })
    tellOtherTabs(thread.id)
  }
}
