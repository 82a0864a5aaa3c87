import { api, ok } from '../api/client.ts'
import { begin } from '../api/session.ts'
import { Field, Form } from '../ui/form.tsx'
import { useTitle } from '../ui/title.ts'

/** Signing in, or making an account: the first thing that anybody sees. */
export function SignIn({ isNew = false }: { isNew?: boolean }) {
  useTitle(isNew ? 'Make an account' : 'Sign in')
  return (
    <main class="card">
      <h1>{isNew ? 'Make an account' : 'Sign in to Parley'}</h1>
      {isNew ? <Register /> : <Login />}
      <p class="quiet">
        {isNew ? 'There is one already? ' : 'New here? '}
        <a href={isNew ? '/app/sign-in' : '/app/register'}>{isNew ? 'Sign in' : 'Make an account'}</a>
      </p>
      <p class="quiet">
        For programs: <a href="/docs">try the API</a>, <a href="/redoc">read its reference</a>
      </p>
    </main>
  )
}

const Login = () => (
  <Form
    key="login"
    action="Sign in"
    more={<a href="/app/forgot">Forgot the password?</a>}
    onSubmit={async ({ name = '', password = '' }) => {
      const who = name.includes('@') ? { email: name } : { username: name }
      begin(await ok(api.POST('/api/v1/auth/login', { body: { ...who, password } })))
    }}
  >
    <Field name="name" label="Email or username" autocomplete="username" required />
    <Field name="password" label="Password" type="password" autocomplete="current-password" required />
  </Form>
)

const Register = () => (
  <Form
    key="register"
    action="Make the account"
    onSubmit={async ({ email, username, password = '' }) => {
      const body = { email: email || undefined, username: username || undefined, password }
      begin(await ok(api.POST('/api/v1/auth/register', { body })))
    }}
  >
    <Field name="username" label="Username" autocomplete="username" hint="How others call you" required />
    <Field name="email" label="Email" type="email" autocomplete="email" hint="Only to get back in: may be empty" />
    <Field
      name="password"
      label="Password"
      type="password"
      autocomplete="new-password"
      hint="Eight characters or more; a sentence is good"
      required
    />
  </Form>
)
