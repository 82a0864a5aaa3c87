import { signal } from '@preact/signals'
import { myId } from '../../api/session.ts'
import { type Attachment, Uploads } from '../../ui/uploads.ts'
import type { ReplySettings } from './settings.ts'

/** What is said: words, files, or both. */
export type Words = {
  content: string
  files: Attachment[]
  /** How they were said without an answer: the server may have them. Under this key, after this message, they are said once. */
  sent?: { key: string; parent: string | undefined; settings: ReplySettings }
}

/** A message that is being written. */
export class Draft {
  readonly text = signal('')
  readonly uploads = new Uploads()
  /** What was put back last and not taken since. */
  #restored: Words | undefined

  get isReady(): boolean {
    return this.uploads.isReady && (this.text.value.trim() !== '' || !this.uploads.isEmpty)
  }

  /** What was written, which is then written no more. Words that were put back and not changed are the same ones. */
  take(): Words {
    const words = { content: this.text.value, files: this.uploads.take() }
    const restored = this.#restored
    this.#restored = undefined
    this.text.value = ''
    return restored && isSame(restored, words) ? restored : words
  }

  /** Puts words back, before what was written meanwhile. */
  restore(words: Words): void {
    const { content, files } = words
    this.#restored = words
    this.text.value = [content, this.text.value].filter((text) => text !== '').join('\n')
    this.uploads.restore(files)
  }

  /** Takes out words that were put back but had been said after all; of words that were changed since, only the files. */
  drop(words: Words): void {
    if (this.#restored !== words) return
    const { content, files } = words
    this.#restored = undefined
    const text = this.text.value
    if (text === content) this.text.value = ''
    else if (text.startsWith(`${content}\n`)) this.text.value = text.slice(content.length + 1)
    this.uploads.drop(files)
  }
}

const isSame = (one: Words, other: Words) => one.content === other.content && idsOf(one).join() === idsOf(other).join()

/** The ids of the files. */
export const idsOf = ({ files }: Words): string[] => files.map(({ id }) => id)

const drafts = new Map<string, Draft>()

/** What the user is writing in a conversation, or in a `new` one; it stays while they look elsewhere. */
export function draftOf(place: string, userId = myId.value): Draft {
  const key = `${userId} ${place}`
  const draft = drafts.get(key) ?? new Draft()
  drafts.set(key, draft)
  return draft
}
