import type { ComponentChildren, JSX } from 'preact'
import { createContext } from 'preact'
import { useContext, useId, useState } from 'preact/hooks'
import { Problem } from '../api/problem.ts'
import { Failed } from './states.tsx'

type State = { isBusy: boolean; error?: unknown; fields: ReadonlyMap<string, string> }

const IDLE: State = { isBusy: false, fields: new Map() }
const Form_ = createContext<State>(IDLE)

type FormProps = {
  /** Gets the fields by their names; text that is empty stays empty. What it throws is shown at its field, or below. */
  onSubmit: (values: Record<string, string>) => Promise<unknown>
  action: string
  children: ComponentChildren
  /** Beside the button. */
  more?: ComponentChildren
}

/** A form that is sent once at a time, and says at each field what the server has against it. */
export function Form({ onSubmit, action, children, more }: FormProps) {
  const [state, setState] = useState(IDLE)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (state.isBusy) return
    const form = event.currentTarget as HTMLFormElement
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]))
    setState({ ...IDLE, isBusy: true })
    try {
      await onSubmit(values)
      setState(IDLE)
    } catch (error) {
      const fields = error instanceof Problem ? error.fields : IDLE.fields
      setState({ isBusy: false, error, fields })
      const [first] = fields.keys()
      const named = first && form.elements.namedItem(first.split('/')[1]!)
      if (named instanceof HTMLElement) named.focus()
    }
  }
  // What stands at its field need not be said again.
  const isSaid = state.fields.size > 0
  return (
    <form onSubmit={submit} aria-busy={state.isBusy}>
      <Form_.Provider value={state}>{children}</Form_.Provider>
      {state.error !== undefined && !isSaid && <Failed error={state.error} />}
      <footer>
        {more}
        <button type="submit" class="primary" disabled={state.isBusy}>
          {state.isBusy && <span class="spinner" aria-hidden="true" />} {action}
        </button>
      </footer>
    </form>
  )
}

type FieldProps = { name: string; label: string; hint?: string } & (
  | ({ as?: 'input' } & JSX.IntrinsicElements['input'])
  | ({ as: 'textarea' } & JSX.IntrinsicElements['textarea'])
  | ({ as: 'select' } & JSX.IntrinsicElements['select'])
)

/** A field of a form with its label, its hint, and what the server said of it under `/name`. */
export function Field({ name, label, hint, as = 'input', ...rest }: FieldProps) {
  const id = useId()
  const { fields } = useContext(Form_)
  const fault = [...fields].find(([pointer]) => pointer.split('/')[1] === name)?.[1]
  const Tag = as as 'input'
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Tag
        {...(rest as JSX.IntrinsicElements['input'])}
        id={id}
        name={name}
        aria-invalid={fault !== undefined}
        aria-describedby={hint || fault ? `${id}-more` : undefined}
      />
      {(fault ?? hint) && (
        <p id={`${id}-more`} class={fault ? 'fault' : 'quiet'}>
          {fault ?? hint}
        </p>
      )}
    </div>
  )
}
