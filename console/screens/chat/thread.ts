import { batch, signal } from '@preact/signals'
import { api, ok, page, type Schemas } from '../../api/client.ts'
import { Problem } from '../../api/problem.ts'
import { askForReply, type ReplyEvent, watchReply } from '../../api/replies.ts'
import { tellFault } from '../../ui/toasts.tsx'
import { type Draft, idsOf, type Words } from './draft.ts'
import { isPending, pending } from './pending.ts'
import { refreshQuota } from './quota.tsx'
import { type Message, messageOf, type Reply } from './reply.ts'
import { ReplyWatch } from './reply-watch.ts'
import { replySettings } from './settings.ts'
import { onNews, tellAllTabs, tellOtherTabs } from './tabs.ts'

export type Conversation = Schemas['Conversation']

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

const OLDER = 50

/** A conversation as it is shown: its active branch, and the reply that is being written in it. */
export class Thread {
  readonly conversation = signal<Conversation | undefined>(undefined)
  /** Oldest first, without gaps; older ones are loaded when they are wanted. */
  readonly messages = signal<Message[]>([])
  /** What kept it from being loaded. */
  readonly fault = signal<unknown>(undefined)
  /** A request that got no reply, and why. */
  readonly refused = signal<{ request?: Request; error: unknown } | undefined>(undefined)
  readonly isLoadingOlder = signal(false)
  readonly isStopping = signal(false)
  /** The message that is being reworded. It may scroll out of view meanwhile. */
  readonly editing = signal<{ id: string; content: string } | undefined>(undefined)
  /** What was told of replies that have ended: their reasoning and faults are in no list. */
  readonly ended = new Map<string, Reply>()

  #watch = new ReplyWatch()
  /** What the last message is about to be. */
  readonly reply = this.#watch.reply
  readonly isReplying = this.#watch.isOn

  #open = new AbortController()
  /** What is sent, until its reply has begun. */
  #asked: Request | undefined
  #siblings = new Map<string, Promise<string[]>>()

  /** `at` ends what is shown at that message, to read only. `onChange` hears of every change of the conversation itself. */
  constructor(
    readonly id: string,
    readonly at: string | undefined,
    private readonly onChange: (conversation: Conversation) => void,
    private readonly draft: Draft,
  ) {}

  /** Shows the conversation; `saying`, what is in its draft is said then. */
  async open(saying: boolean): Promise<void> {
    this.#open = new AbortController()
    onNews(this.id, () => void this.load(), this.#open.signal)
    await this.load()
    if (this.#open.signal.aborted || !this.conversation.value) return
    if (saying && this.draft.isReady) await this.say(this.draft.take())
  }

  /** Words that the server is not known to have are in the draft again. */
  close(): void {
    this.#open.abort()
    this.#leave()
    this.takeBack()
  }

  /** Loads the end of the active branch, or what is new there. */
  async load(): Promise<void> {
    try {
      const path = { id: this.id }
      const [{ messages: newest, ...conversation }, upTo] = await Promise.all([
        ok(api.GET('/api/v1/conversations/{id}', { params: { path } })),
        this.at && this.#branchTo(this.at),
      ])
      // What is being asked is not among them yet.
      const isAsking = this.refused.value?.request || (this.reply.value && !isShownBy(newest, this.messages.value))
      if (this.#open.signal.aborted || isAsking) return
      batch(() => {
        this.fault.value = undefined
        this.refused.value = undefined
        this.#leaveEnded(newest.at(-1))
        this.change(conversation)
        if (!this.reply.value) this.messages.value = joined(this.messages.value, upTo || newest)
      })
      this.#watchLast()
    } catch (error) {
      if (this.messages.value.length === 0) this.fault.value = error
    }
  }

  get hasOlder(): boolean {
    const first = this.messages.value[0]
    return first !== undefined && first.parent_id !== null && !isPending(first)
  }

  async loadOlder(): Promise<void> {
    if (this.isLoadingOlder.value || !this.hasOlder) return
    const [first] = this.messages.value
    this.isLoadingOlder.value = true
    try {
      const older = await this.#branchTo(first!.parent_id!)
      batch(() => {
        // Another branch may be shown by now.
        if (this.messages.value[0] === first) this.messages.value = [...older, ...this.messages.value]
        this.isLoadingOlder.value = false
      })
    } catch (error) {
      this.isLoadingOlder.value = false
      tellFault(error)
    }
  }

  /** The end of the branch that ends at a message: what comes before a page is what its first message follows. */
  async #branchTo(leaf: string): Promise<Message[]> {
    const params = { path: { id: this.id }, query: { leaf, limit: OLDER, siblings: 'true' as const } }
    return (await page(api.GET('/api/v1/conversations/{id}/messages', { params }))).items
  }

  /** What the conversation is now, as far as this screen knows. */
  change(conversation: Conversation): void {
    this.conversation.value = conversation
    this.onChange(conversation)
  }

  async say(words: Words): Promise<void> {
    const before = this.messages.value
    const settings = replySettings.value
    const repeated = words.sent?.settings === settings ? words.sent : undefined
    const sent = repeated ?? { key: newKey(), parent: before.at(-1)?.id, settings }
    const { key, parent } = sent
    // What follows it already may be these very words, and the reply to them.
    const shown = before.slice(0, before.findIndex(({ id }) => id === parent) + 1)
    this.messages.value = [...shown, pending('user', this.id, shown.at(-1), words)]
    const { content } = words
    const body = { content, files: idsOf(words), ...(parent && { parent_id: parent }), ...settings }
    const path = `/api/v1/conversations/${this.id}/messages`
    await this.#ask({ path, body, before, words: { ...words, sent }, key })
    if (repeated) await this.load()
  }

  /** Another answer beside `message`, or the answer to it when it is the user's own. */
  regenerate(message: Message): Promise<void> {
    this.takeBack()
    const before = this.messages.value
    const at = before.findIndex(({ id }) => id === message.id)
    // Another branch is shown by now.
    if (at < 0) return this.load()
    this.messages.value = before.slice(0, message.role === 'user' ? at + 1 : at)
    const siblings = message.role === 'user' ? 1 : (message.siblings ?? 1) + 1
    const body = replySettings.value
    return this.#ask({ path: `/api/v1/messages/${message.id}/regenerate`, body, before, key: newKey() }, siblings)
  }

  /** Says something else in place of `message`, on a branch of its own, and gets the reply to that. */
  async edit(message: Message, content: string, key: string): Promise<void> {
    const params = { path: { id: message.id }, header: { 'idempotency-key': key } }
    const edited = await ok(api.PATCH('/api/v1/messages/{id}', { params, body: { content } }))
    this.takeBack()
    const shown = this.messages.value
    const at = shown.findIndex(({ id }) => id === message.id)
    const reworded = { ...edited, siblings: (message.siblings ?? 1) + 1 }
    batch(() => {
      this.editing.value = undefined
      if (at >= 0) this.messages.value = [...shown.slice(0, at), reworded]
    })
    void this.regenerate(reworded)
  }

  /** Sends what was refused again, under its key, or looks again for a reply that could not be watched. */
  again(): Promise<void> {
    const request = this.refused.value?.request
    if (request) return this.#ask(request)
    this.refused.value = undefined
    return this.load()
  }

  /** Gives up what was refused. Its words are back where they were written. */
  takeBack(): void {
    const request = this.refused.value?.request
    this.refused.value = undefined
    if (!request) return
    this.messages.value = request.before
    if (request.words) this.draft.restore(request.words)
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

  async rate(message: Message, rating: 'up' | 'down' | undefined): Promise<void> {
    const body = { feedback: rating ? { rating, comment: null } : null }
    const { feedback } = await ok(api.PATCH('/api/v1/messages/{id}', { params: { path: { id: message.id } }, body }))
    this.messages.value = this.messages.value.map((shown) => (shown.id === message.id ? { ...shown, feedback } : shown))
  }

  /** The ids of all messages that stand where this one does, oldest first. */
  siblingsOf({ id, parent_id, siblings }: Message): Promise<string[]> {
    const place = `${parent_id} ${siblings}`
    const known = this.#siblings.get(place)
    if (known) return known
    const params = { path: { id }, query: { limit: 100 } }
    const asked = page(api.GET('/api/v1/messages/{id}/siblings', { params })).then(({ items }) =>
      items.map(({ id }) => id),
    )
    this.#siblings.set(place, asked)
    asked.catch(() => this.#siblings.delete(place))
    return asked
  }

  /** Shows the newest branch through that message, and goes on there. */
  async switchTo(messageId: string): Promise<void> {
    const body = { head_id: messageId }
    await ok(api.PATCH('/api/v1/conversations/{id}', { params: { path: { id: this.id } }, body }))
    this.#leave()
    this.takeBack()
    await this.load()
  }

  /** The reply is watched no more, though it goes on. Until it is known to have begun, its words are in the draft. */
  #leave(): void {
    if (this.#asked) {
      this.#asked.isLeft = true
      if (this.#asked.words) this.draft.restore(this.#asked.words)
    }
    this.#asked = undefined
    this.#watch.leave()
  }

  /** Leaves a reply that has ended as the server has it: this page was asleep, or its connection dead. */
  #leaveEnded(stored: Message | undefined): void {
    const reply = this.reply.value
    if (!reply || !stored || stored.status === 'in_progress') return
    // Its end is in the message; what was heard of its reasoning is not.
    this.ended.set(stored.id, { ...reply, end: undefined })
    this.#leave()
    void refreshQuota()
  }

  async #ask(request: Request, siblings = 1): Promise<void> {
    const signal = this.#beginReply()
    this.#asked = request
    const last = this.messages.value.at(-1)
    // It is there already when the request is sent again.
    if (last?.status !== 'in_progress') {
      this.messages.value = [...this.messages.value, { ...pending('assistant', this.id, last), siblings }]
    }
    try {
      await this.#follow(askForReply(request.path, request.body, request.key, signal), signal)
      if (!request.isLeft) return
      if (request.words) this.draft.drop(request.words)
      tellAllTabs(this.id)
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
      await this.load()
    }
  }

  /** Goes on with a reply that was being written when the conversation was loaded. */
  #watchLast(): void {
    const last = this.messages.value.at(-1)
    if (this.reply.value || last?.status !== 'in_progress' || !last.run_id) return
    const signal = this.#beginReply()
    this.#follow(watchReply(last.run_id, signal), signal).catch((error) => {
      if (signal.aborted) return
      this.#watch.leave()
      this.refused.value = { error }
    })
  }

  #beginReply(): AbortSignal {
    this.refused.value = undefined
    this.isStopping.value = false
    return this.#watch.begin()
  }

  #follow(events: AsyncGenerator<ReplyEvent>, signal: AbortSignal): Promise<void> {
    return this.#watch.follow(events, signal, {
      heard: (event) => {
        if (event.type === 'run.created') this.#begun(event)
        else if (event.type === 'title') this.change({ ...this.conversation.value!, title: event.title })
      },
      ended: (reply) => {
        const shown = this.messages.value
        const placeholder = shown.at(-1)!
        this.ended.set(placeholder.id, reply)
        this.messages.value = [...shown.slice(0, -1), messageOf(placeholder, reply)]
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
    const shown = this.messages.value
    if (!isPending(shown.at(-1)!)) return
    const said = shown.at(-2)
    const reply = { ...shown.at(-1)!, id: message_id!, parent_id: user_message_id, run_id, model, warnings, context }
    batch(() => {
      this.messages.value = [...shown.slice(0, -2), ...(said ? [{ ...said, id: user_message_id! }] : []), reply]
      this.change({ ...this.conversation.value!, updated_at: new Date().toISOString() })
    })
    tellOtherTabs(this.id)
  }
}

const newKey = () => crypto.randomUUID()

/** The newest messages, after those that are shown already and stand before them. */
function joined(shown: Message[], newest: Message[]): Message[] {
  const from = shown.findIndex(({ id }) => id === newest[0]?.id)
  return from < 0 ? newest : [...shown.slice(0, from), ...newest]
}

/** Whether the end of the branch is the same. */
const isShownBy = (newest: Message[], shown: Message[]) => newest.at(-1)?.id === shown.at(-1)?.id
