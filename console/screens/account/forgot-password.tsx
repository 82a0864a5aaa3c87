import { useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { Field, Form } from '../../ui/form.tsx'

/** Asks for the mail that lets a new password be set. */
export function ForgotPassword() {
  const [said, setSaid] = useState<string>()
  return (
    <main class="card">
      <h1>Forgot the password?</h1>
      {said ? (
        <>
          <p role="status">{said}. Its link, or its code, works for ten minutes.</p>
          <p>
            <a href="/app/reset">Enter the code</a>
          </p>
        </>
      ) : (
        <Form
          action="Send the mail"
          onSubmit={async ({ email = '' }) =>
            setSaid((await ok(api.POST('/api/v1/auth/password/forgot', { body: { email } }))).detail)
          }
        >
          <Field
            name="email"
            label="Email"
            type="email"
            autocomplete="email"
            hint="That of your account. Without one, ask whoever runs this server"
            required
          />
        </Form>
      )}
      <p class="quiet">
        <a href="/app/sign-in">Back to signing in</a>
      </p>
    </main>
  )
}
