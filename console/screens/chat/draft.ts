import { signal } from '@preact/signals'
import { api, type Schemas } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import type { ReplySettings } from './settings.ts'
import { uploadFile } from './upload-file.ts'

export type Attachment = Schemas['Attachment']

/** What is said: words, files, or both. */
export type Words = {
  content: string
  files: Attachment[]
  /** How they were said without an answer: the server may have them. Under this key, after this message, they are said once. */
  sent?: { key: string; parent: string | undefined; settings: ReplySettings }
}

/** A file on its way to the server, or there. */
export type Upload = {
  key: string
  name: string
  /** From 0 to 1. */
  progress: number
  file?: Attachment
  error?: unknown
  cancel: () => void
}

export const MAX_FILES = 10

/** A message that is being written. */
export class Draft {
  readonly text = signal('')
  readonly uploads = signal<Upload[]>([])
  /** What was put back last and not taken since. */
  #restored: Words | undefined

  get isReady(): boolean {
    const uploads = this.uploads.value
    return uploads.every(({ file }) => file) && (this.text.value.trim() !== '' || uploads.length > 0)
  }

  /** Begins to send files: those that a message may still have. */
  add(files: Iterable<File>): void {
    for (const file of [...files].slice(0, MAX_FILES - this.uploads.value.length)) this.#send(file)
  }

  #send(file: File): void {
    const key = crypto.randomUUID()
    const abort = new AbortController()
    const set = (change: Partial<Upload>) => {
      this.uploads.value = this.uploads.value.map((upload) => (upload.key === key ? { ...upload, ...change } : upload))
    }
    this.uploads.value = [...this.uploads.value, { key, name: file.name, progress: 0, cancel: () => abort.abort() }]
    uploadFile(file, key, (progress) => set({ progress }), abort.signal).then(
      (stored) => (abort.signal.aborted ? discard(stored) : set({ file: stored })),
      (error) => set({ error }),
    )
  }

  /** Takes a file away, from the server as well. */
  remove({ key, cancel, file }: Upload): void {
    cancel()
    this.uploads.value = this.uploads.value.filter((upload) => upload.key !== key)
    if (file) discard(file)
  }

  /** What was written, which is then written no more. Words that were put back and not changed are the same ones. */
  take(): Words {
    const files = this.uploads.value.flatMap(({ file }) => file ?? [])
    const words = { content: this.text.value, files }
    const restored = this.#restored
    this.#restored = undefined
    this.text.value = ''
    this.uploads.value = []
    return restored && isSame(restored, words) ? restored : words
  }

  /** Puts words back, before what was written meanwhile. */
  restore(words: Words): void {
    const { content, files } = words
    this.#restored = words
    this.text.value = [content, this.text.value].filter((text) => text !== '').join('\n')
    const uploads = files.map((file) => ({ key: file.id, name: file.filename, progress: 1, file, cancel: () => {} }))
    this.uploads.value = [...uploads, ...this.uploads.value]
  }

  /** Takes out words that were put back but had been said after all; of words that were changed since, only the files. */
  drop(words: Words): void {
    if (this.#restored !== words) return
    const { content, files } = words
    this.#restored = undefined
    const text = this.text.value
    if (text === content) this.text.value = ''
    else if (text.startsWith(`${content}\n`)) this.text.value = text.slice(content.length + 1)
    this.uploads.value = this.uploads.value.filter(({ file }) => !files.some(({ id }) => id === file?.id))
  }
}

const isSame = (one: Words, other: Words) => one.content === other.content && idsOf(one).join() === idsOf(other).join()

/** The ids of the files. */
export const idsOf = ({ files }: Words): string[] => files.map(({ id }) => id)

const drafts = new Map<string, Draft>()

/** What the user is writing in a conversation, or in a `new` one; it stays while they look elsewhere. */
export function draftOf(place: string): Draft {
  const key = `${me.value?.id} ${place}`
  const draft = drafts.get(key) ?? new Draft()
  drafts.set(key, draft)
  return draft
}

/** What stays behind when this fails, its user finds among the files. */
const discard = ({ id }: Attachment): void => {
  api.DELETE('/api/v1/files/{id}', { params: { path: { id } } }).catch(() => {})
}
