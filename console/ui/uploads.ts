import { signal } from '@preact/signals'
import type { Schemas } from '../api/client.ts'
import { discard, upload } from '../api/files.ts'
import { tell } from './toasts.tsx'

export type Attachment = Schemas['Attachment']

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

/** As many as a message, or a chatbot, may have. */
export const MAX_FILES = 10

/** Those that find room beside as many as there are; of the others it tells. */
export function fitting(files: Iterable<File>, there: number): File[] {
  const all = [...files]
  const fits = all.slice(0, Math.max(0, MAX_FILES - there))
  const left = all.length - fits.length
  if (left > 0) tell(`At most ${MAX_FILES} files: ${left} ${left === 1 ? 'was' : 'were'} left out`)
  return fits
}

/** The files of a message that is being written. */
export class Uploads {
  readonly all = signal<Upload[]>([])

  get isEmpty(): boolean {
    return this.all.value.length === 0
  }

  get isFull(): boolean {
    return this.all.value.length >= MAX_FILES
  }

  /** Whether none is on its way, or was refused. */
  get isReady(): boolean {
    return this.all.value.every(({ file }) => file)
  }

  /** Begins to send files: those that a message may still have. */
  add(files: Iterable<File>): void {
    for (const file of fitting(files, this.all.value.length)) this.#send(file)
  }

  #send(file: File): void {
    const key = crypto.randomUUID()
    const abort = new AbortController()
    const set = (change: Partial<Upload>) => {
      this.all.value = this.all.value.map((upload) => (upload.key === key ? { ...upload, ...change } : upload))
    }
    this.all.value = [...this.all.value, { key, name: file.name, progress: 0, cancel: () => abort.abort() }]
    upload(file, key, (progress) => set({ progress }), abort.signal).then(
      (stored) => (abort.signal.aborted ? discard(stored.id) : set({ file: stored })),
      (error) => set({ error }),
    )
  }

  /** Takes a file away, from the server as well. */
  remove({ key, cancel, file }: Upload): void {
    cancel()
    this.all.value = this.all.value.filter((upload) => upload.key !== key)
    if (file) discard(file.id)
  }

  /** What is stored, which is a message's from now on. */
  take(): Attachment[] {
    const files = this.all.value.flatMap(({ file }) => file ?? [])
    this.all.value = []
    return files
  }

  /** Puts files back, before those that were added meanwhile. */
  restore(files: Attachment[]): void {
    const uploads = files.map((file) => ({ key: file.id, name: file.filename, progress: 1, file, cancel: () => {} }))
    this.all.value = [...uploads, ...this.all.value]
  }

  /** Takes files out that are a message's after all. */
  drop(files: Attachment[]): void {
    this.all.value = this.all.value.filter(({ file }) => !files.some(({ id }) => id === file?.id))
  }
}
