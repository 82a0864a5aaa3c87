import { useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { Field, Form } from '../../ui/form.tsx'
import { tell } from '../../ui/toasts.tsx'

/** A new password, which signs all other devices out. */
export function Password() {
  const [count, setCount] = useState(0)
  const change = async ({ current_password = '', new_password = '' }: Record<string, string>) => {
    await ok(api.POST('/api/v1/auth/password/change', { body: { current_password, new_password } }))
    tell('Your new password works; all other devices are signed out')
    setCount(count + 1)
  }
  return (
    <section aria-labelledby="password">
      <h2 id="password">Password</h2>
      {/* It begins anew after each change. */}
      <Form key={count} action="Change the password" onSubmit={change}>
        {/* For whatever keeps passwords: whose it is. */}
        <input
          type="text"
          autocomplete="username"
          value={me.value?.username ?? me.value?.email ?? ''}
          readOnly
          hidden
        />
        <Field
          name="current_password"
          label="Current password"
          type="password"
          autocomplete="current-password"
          required
        />
        <Field
          name="new_password"
          label="New password"
          type="password"
          autocomplete="new-password"
          hint="Eight characters or more. All other devices are signed out"
          required
        />
      </Form>
    </section>
  )
}
