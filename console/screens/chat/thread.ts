import { batch, signal } from '@preact/signals'
import { api, ok, page, type Schemas } from '../../api/client.ts'
import { tellFault } from '../../ui/toasts.tsx'
import { Asking } from './asking.ts'
import { type Draft, idsOf, type Words } from './draft.ts'
import { isPending, pending } from './pending.ts'
import type { Message } from './reply.ts'
import { replySettings } from './settings.ts'
import { onNews } from './tabs.ts'

export type Conversation = Schemas['Conversation']

const OLDER = 50

/** A conversation as it is shown: its active branch, and the reply that is being written in it. */
export class Thread {
  readonly conversation = signal<Conversation | undefined>(undefined)
  /** Oldest first, without gaps; older ones are loaded when they are wanted. */
  readonly messages = signal<Message[]>([])
  /** What kept it from being loaded. */
  readonly fault = signal<unknown>(undefined)
  readonly isLoadingOlder = signal(false)
  /** The message that is being reworded. It may scroll out of view meanwhile. */
  readonly editing = signal<{ id: string; content: string } | undefined>(undefined)
  #asking = new Asking(this)
  readonly refused = this.#asking.refused
  readonly reply = this.#asking.reply
  readonly isReplying = this.#asking.isReplying
  readonly isStopping = this.#asking.isStopping
  readonly ended = this.#asking.ended

  #open = new AbortController()
  #siblings = new Map<string, Promise<string[]>>()

  /** `at` ends what is shown at that message, to read only. `onChange` hears of every change of the conversation itself. */
  constructor(
    readonly id: string,
    readonly at: string | undefined,
    private readonly onChange: (conversation: Conversation) => void,
    readonly draft: Draft,
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
    this.#asking.leave()
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
        this.#asking.leaveEnded(newest.at(-1))
        this.change(conversation)
        if (!this.reply.value) this.messages.value = joined(this.messages.value, upTo || newest)
      })
      this.#asking.watchLast()
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
    await this.#asking.ask({ path, body, before, words: { ...words, sent }, key })
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
    return this.#asking.ask(
      { path: `/api/v1/messages/${message.id}/regenerate`, body, before, key: newKey() },
      siblings,
    )
  }

  /** Says something else in place of `message`, on a branch of its own, and gets the reply to that. */
  async edit(message: Message, content: string, header: { 'idempotency-key': string }): Promise<void> {
    const params = { path: { id: message.id }, header }
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

  again(): Promise<void> {
    return this.#asking.again()
  }

  takeBack(): void {
    this.#asking.takeBack()
  }

  stop(): Promise<void> {
    return this.#asking.stop()
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
    this.#asking.leave()
    this.takeBack()
    await this.load()
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
