import { useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { me, updateMe } from '../../api/session.ts'
import { CodeForm } from './code-form.tsx'

/** Where the mail to a new address leads. It asks for one more click: programs that look through mails follow links. */
export function VerifyEmail() {
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
        <CodeForm action="Confirm the address" onSubmit={verify} />
      )}
      <p class="quiet">
        <a href="/app">On to Parley</a>
      </p>
    </main>
  )
}
