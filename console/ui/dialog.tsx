import { effect, signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { myId } from '../api/session.ts'
import { Failed } from './states.tsx'
import { Toasts } from './toasts.tsx'

type DialogProps = {
  title: string
  onClose: () => void
  children: ComponentChildren
  /** What goes on in it cannot be called off: it stays. */
  isBusy?: boolean
}

/** A modal window: the browser keeps the focus in it, and Escape closes it. */
export function Dialog({ title, onClose, children, isBusy = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement
    element.current?.showModal()
    // The browser does so only for one that is closed, not for one that is taken away.
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog ref={element} aria-labelledby={id} onClose={onClose} onCancel={(event) => isBusy && event.preventDefault()}>
      <header>
        <h2 id={id}>{title}</h2>
        <button
          type="button"
          class="plain"
          aria-label="Close"
          disabled={isBusy}
          onClick={() => element.current?.close()}
        >
          ×
        </button>
      </header>
      {children}
      {/* All outside of it is under its backdrop, and silent. */}
      <Toasts />
    </dialog>
  )
}

type Question = {
  title: string
  text: ComponentChildren
  /** What the button says. */
  action: string
  act: () => Promise<unknown>
}

const question = signal<Question | undefined>(undefined)

// What one user was asked no other answers.
effect(() => {
  myId.value
  question.value = undefined
})

/** Asks before something that cannot be undone. It stays open until that is done, and says what went wrong. */
export function confirm(asked: Question): void {
  question.value = asked
}

/** Where `confirm` asks. */
export const Confirmation = () => question.value && <Ask key={question.value.title} {...question.value} />

function Ask({ title, text, action, act }: Question) {
  const [state, setState] = useState<{ isBusy: boolean; error?: unknown }>({ isBusy: false })
  const [asked] = useState(question.peek())
  const close = () => {
    // Another may be asked by now.
    if (question.peek() === asked) question.value = undefined
  }
  const go = async () => {
    setState({ isBusy: true })
    try {
      await act()
      close()
    } catch (error) {
      setState({ isBusy: false, error })
    }
  }
  return (
    <Dialog title={title} onClose={close} isBusy={state.isBusy}>
      <p>{text}</p>
      {state.error !== undefined && <Failed error={state.error} />}
      <footer>
        <button type="button" onClick={close} disabled={state.isBusy}>
          Cancel
        </button>
        <button type="button" class="danger" disabled={state.isBusy} aria-busy={state.isBusy} onClick={go}>
          {action}
        </button>
      </footer>
    </Dialog>
  )
}
