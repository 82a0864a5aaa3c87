import { api, ok } from '../../api/client.ts'
import { me, type User, updateMe } from '../../api/session.ts'
import { Field, Form } from '../../ui/form.tsx'
import { tell } from '../../ui/toasts.tsx'
import { Confirmed } from './confirmed.tsx'

/** The names by which others know the user, and the address by which they get back in. */
export function Profile() {
  const user = me.value!
  return (
    <>
      <Names {...user} />
      <Email {...user} />
    </>
  )
}

const Names = ({ display_name, username }: User) => (
  <section aria-labelledby="names">
    <h2 id="names">Names</h2>
    <Form
      action="Save the names"
      onSubmit={async (values) => {
        const body = { display_name: values.display_name, username: values.username || null }
        updateMe(await ok(api.PATCH('/api/v1/users/me', { body })))
        tell('Your names are saved')
      }}
    >
      <Field
        name="display_name"
        label="Display name"
        defaultValue={display_name}
        maxLength={80}
        autocomplete="name"
        hint="What others read"
        required
      />
      <Field
        name="username"
        label="Username"
        defaultValue={username ?? ''}
        autocomplete="username"
        autocapitalize="none"
        hint="By which you sign in, and others mention you"
      />
    </Form>
  </section>
)

const Email = ({ email, email_verified }: User) => (
  <section aria-labelledby="email">
    <h2 id="email">Email</h2>
    {email !== null && <Confirmed email={email} isConfirmed={email_verified} />}
    <Form
      // After a change the password is no longer shown.
      key={email}
      action="Change the email"
      onSubmit={async (values) => {
        const body = { email: values.email || null, current_password: values.current_password || undefined }
        const user = await ok(api.PATCH('/api/v1/users/me', { body }))
        updateMe(user)
        tell(user.email && !user.email_verified ? `A mail is on its way to ${user.email}` : 'Your email is saved')
      }}
    >
      <Field name="email" label="Email" type="email" defaultValue={email ?? ''} autocomplete="email" />
      <Field
        name="current_password"
        label="Current password"
        type="password"
        autocomplete="current-password"
        hint="Whoever reads your mail can get into your account"
        required
      />
    </Form>
  </section>
)
