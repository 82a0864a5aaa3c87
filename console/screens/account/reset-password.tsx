import { useLocation } from 'preact-iso'
import { api, ok } from '../../api/client.ts'
import { end } from '../../api/session.ts'
import { Field } from '../../ui/form.tsx'
import { tell } from '../../ui/toasts.tsx'
import { CodeForm } from './code-form.tsx'

/** Where the mail of somebody who forgot the password leads. */
export function ResetPassword() {
  const { route } = useLocation()
  const reset = async ({ token = '', new_password = '' }: Record<string, string>) => {
    await ok(api.POST('/api/v1/auth/password/reset', { body: { token, new_password } }))
    // All sessions have ended, that of this browser too.
    await end()
    tell('Your new password works: sign in with it')
    route('/app/sign-in', true)
  }
  return (
    <main class="card">
      <h1>Choose a new password</h1>
      <CodeForm action="Set the password" onSubmit={reset}>
        <Field
          name="new_password"
          label="New password"
          type="password"
          autocomplete="new-password"
          hint="Eight characters or more. All devices are signed out"
          required
        />
      </CodeForm>
      <p class="quiet">
        The code does not work? <a href="/app/forgot">Get another one</a>
      </p>
    </main>
  )
}
