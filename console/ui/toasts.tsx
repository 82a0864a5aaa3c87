import { effect, signal } from '@preact/signals'
import { messageOf } from '../api/problem.ts'
import { myId } from '../api/session.ts'

type Toast = { id: number; text: string; isFault: boolean }

const SHOWN_MS = 6_000
const toasts = signal<Toast[]>([])
let count = 0

// Who signs in reads nothing of who was here before; who has signed out still reads how that ended.
effect(() => {
  if (myId.value !== undefined) toasts.value = []
})

/** Says in a corner, for a while, what was done. */
export const tell = (text: string): void => show(text, false)

/** Says what went wrong with something that has no better place for it. */
export const tellFault = (error: unknown): void => show(messageOf(error), true)

function show(text: string, isFault: boolean): void {
  const id = ++count
  toasts.value = [...toasts.value, { id, text, isFault }]
  setTimeout(() => drop(id), SHOWN_MS)
}

function drop(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text, isFault }) => (
      <div key={id} class={isFault ? 'toast fault' : 'toast'}>
        {text}
        <button type="button" class="plain" aria-label="Dismiss" onClick={() => drop(id)}>
          ×
        </button>
      </div>
    ))}
  </div>
)
