import { useLocation } from 'preact-iso'
import { api, ok } from '../../api/client.ts'
import { end } from '../../api/session.ts'
import { Field, Form } from '../../ui/form.tsx'
import { tell } from '../../ui/toasts.tsx'
import { useCodeOfMail } from './code-of-mail.ts'

/** Where the mail of somebody who forgot the password leads. */
export function ResetPassword() {
  const { route } = useLocation()
  const code = useCodeOfMail()
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
      <Form action="Set the password" onSubmit={reset}>
        <Field
          name="token"
          label="Code"
          defaultValue={code}
          autocomplete="one-time-code"
          hint="From the mail"
          required
        />
        <Field
          name="new_password"
          label="New password"
          type="password"
          autocomplete="new-password"
          hint="Eight characters or more. All devices are signed out"
          required
        />
      </Form>
      <p class="quiet">
        The code does not work? <a href="/app/forgot">Get another one</a>
      </p>
    </main>
  )
}
