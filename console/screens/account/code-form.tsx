import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Field, Form } from '../../ui/form.tsx'

type Props = {
  action: string
  onSubmit: (values: Record<string, string>) => Promise<void>
  children?: ComponentChildren
}

/** Where a mail leads: its link carries a code in the fragment, which does not stay in the address; or it is typed in, as `token`. */
export function CodeForm({ children, ...form }: Props) {
  const [code] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '')
  useEffect(() => history.replaceState(history.state, '', location.pathname), [])
  return (
    <Form {...form}>
      <Field name="token" label="Code" defaultValue={code} autocomplete="one-time-code" hint="From the mail" required />
      {children}
    </Form>
  )
}
