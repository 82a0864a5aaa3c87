import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Failed } from './states.tsx'

/** A modal window: the browser keeps the focus in it, and Escape closes it. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null)
  const title = useId()
  useEffect(() => element.current?.showModal(), [])
  return (
    <dialog ref={element} aria-labelledby={title} onClose={props.onClose}>
      <header>
        <h2 id={title}>{props.title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={() => element.current?.close()}>
          ×
        </button>
      </header>
      {props.children}
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

/** Asks before something that cannot be undone. It stays open until that is done, and says what went wrong. */
export function confirm(asked: Question): void {
  question.value = asked
}

/** Where `confirm` asks. */
export const Confirmation = () => question.value && <Ask key={question.value.title} {...question.value} />

function Ask({ title, text, action, act }: Question) {
  const [state, setState] = useState<{ isBusy: boolean; error?: unknown }>({ isBusy: false })
  const close = () => {
    question.value = undefined
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
    <Dialog title={title} onClose={close}>
      <p>{text}</p>
      {state.error !== undefined && <Failed error={state.error} />}
      <footer>
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="danger" disabled={state.isBusy} onClick={go}>
          {action}
        </button>
      </footer>
    </Dialog>
  )
}
