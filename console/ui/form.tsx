import type { ComponentChildren, JSX } from 'preact'
import { createContext } from 'preact'
import { useContext, useId, useState } from 'preact/hooks'
import { Problem } from '../api/problem.ts'
import { Failed } from './states.tsx'

type State = {
  isBusy: boolean
  error?: unknown
  fields: ReadonlyMap<string, string>
  /** What has no field here to stand at. */
  others: string[]
}

const IDLE: State = { isBusy: false, fields: new Map(), others: [] }
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
      const inputs = [...form.elements] as HTMLInputElement[]
      const wrong = (pointer: string) => inputs.find(({ name }) => isAt(pointer, name))
      const others = [...fields].filter(([pointer]) => !wrong(pointer)).map(([, detail]) => detail)
      setState({ isBusy: false, error, fields, others })
      inputs.find(({ name }) => [...fields.keys()].some((pointer) => isAt(pointer, name)))?.focus()
    }
  }
  return (
    <form onSubmit={submit} aria-busy={state.isBusy}>
      <Form_.Provider value={state}>{children}</Form_.Provider>
      {/* What stands at its field need not be said again. */}
      {state.error !== undefined && state.fields.size === 0 && <Failed error={state.error} />}
      {state.others.map((detail) => (
        <p key={detail} class="fault" role="alert">
          {detail}
        </p>
      ))}
      <footer>
        {more}
        <button type="submit" class="primary" disabled={state.isBusy} aria-busy={state.isBusy}>
          {action}
        </button>
      </footer>
    </form>
  )
}

/** Whether a fault at this JSON pointer is that of the field, or of something in it. */
const isAt = (pointer: string, name: string) => pointer === `/${name}` || pointer.startsWith(`/${name}/`)

type FieldProps = { name: string; label: string; hint?: string } & (
  | ({ as?: 'input' } & JSX.IntrinsicElements['input'])
  | ({ as: 'textarea' } & JSX.IntrinsicElements['textarea'])
  | ({ as: 'select' } & JSX.IntrinsicElements['select'])
)

/**
 * A field of a form with its label, its hint, and what the server said of it under `/name`. What it begins with is its
 * `defaultValue`, `defaultChecked` or the option that is `selected`: a `value` would take back what was typed.
 */
export function Field({ name, label, hint, as = 'input', ...rest }: FieldProps) {
  const id = useId()
  const { fields } = useContext(Form_)
  const fault = [...fields].find(([pointer]) => isAt(pointer, name))?.[1]
  const Tag = as as 'input'
  return (
    <div class={'type' in rest && rest.type === 'checkbox' ? 'field check' : 'field'}>
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
