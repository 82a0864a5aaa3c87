import { api, ok } from '../../api/client.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { tell } from '../../ui/toasts.tsx'

/** Whether an address is known to be the user's, and how it becomes so. */
export function Confirmed({ email, isConfirmed }: { email: string; isConfirmed: boolean }) {
  const resend = async () => {
    await ok(api.POST('/api/v1/auth/verify/resend', { body: { email } }))
    tell(`A mail is on its way to ${email}`)
  }
  if (isConfirmed) {
    return (
      <p>
        <span class="mark good">Confirmed</span> {email}
      </p>
    )
  }
  return (
    <>
      <p>
        <span class="mark fault">Not confirmed</span> A code was sent to {email}.
      </p>
      <p class="row">
        <a class="button" href="/app/verify">
          Enter the code
        </a>
        <AsyncButton act={resend}>Send it again</AsyncButton>
      </p>
    </>
  )
}
