import { useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { me, updateMe } from '../../api/session.ts'
import { Field, Form } from '../../ui/form.tsx'
import { useCodeOfMail } from './code-of-mail.ts'

/** Where the mail to a new address leads. It asks for one more click: programs that look through mails follow links. */
export function VerifyEmail() {
  const code = useCodeOfMail()
  const [isDone, setDone] = useState(false)
  const verify = async ({ token = '' }: Record<string, string>) => {
    await ok(api.POST('/api/v1/auth/verify', { body: { token } }))
    setDone(true)
    if (me.value) updateMe(await ok(api.GET('/api/v1/users/me')))
  }
  return (
    <main class="card">
      <h1>Confirm your email</h1>
      {isDone ? (
        <p role="status">The address is confirmed.</p>
      ) : (
        <Form action="Confirm the address" onSubmit={verify}>
          <Field
            name="token"
            label="Code"
            defaultValue={code}
            autocomplete="one-time-code"
            hint="From the mail"
            required
          />
        </Form>
      )}
      <p class="quiet">
        <a href="/app">On to Parley</a>
      </p>
    </main>
  )
}
