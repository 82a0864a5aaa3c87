import { isCommonPassword } from '../src/features/auth/password-blocklist.ts'
import { checkPassword } from '../src/features/auth/password-policy.ts'
import { email as Email, username as Username } from '../src/features/users/schemas/user.ts'
import { Refusal, readOptions, runCommand, TARGET, targetOf } from './command-line.ts'
import { readNewPassword } from './password-input.ts'

const USAGE = `Makes an administrator, or an administrator of the account that has the email.

  npm run admin:create -- --email you@example.com [options]

  --email E         address of the account; it counts as confirmed from then on
  --username U      a name to sign in with as well, for a new account
  --password P      the password. Everybody on this machine can read it here: leave it out to be asked for it, or
                    send it as a line: printf '%s\\n' "$PASSWORD" | npm run admin:create -- --email …
  --persist-to DIR  the local database in DIR; without it that of \`npm run dev\`
  --remote          the deployed database
  --help            this

An account that is there keeps its names, and its password too unless --password is given: then its sessions end. If
nobody has ever confirmed its address, a new password must be set, since anybody may have registered it. A disabled
account is enabled.`

await runCommand(USAGE, async () => {
  const given = readOptions({
    email: { type: 'string' },
    username: { type: 'string' },
    password: { type: 'string' },
    ...TARGET,
  })
  const target = targetOf(given)
  const names = readNames(given)
  const weaknessOf = (password: string) => checkPassword(password, names, 'default', isCommonPassword)
  const refuseWeak = (password: string) => {
    const weakness = weaknessOf(password)
    if (weakness) throw new Refusal(`${weakness}.`)
    return password
  }
  if (given.password !== undefined) refuseWeak(given.password)
  // Drizzle takes a second to load: not for somebody who has mistyped an option.
  const { makeAdmin } = await import('./make-admin.ts')
  const done = await makeAdmin(target, names, {
    given: given.password,
    ask: async () => refuseWeak(await readNewPassword(names.email, weaknessOf)),
  })
  if (done === undefined) return console.log(`${names.email} is an administrator already: nothing was changed.`)
  const where = target.remote ? '' : ' of `npm run dev`'
  console.log(
    `${done}\nSign in at POST /api/v1/auth/login${where}; what only administrators may do is under /api/v1/admin.`,
  )
})

/** Names by the rules of the API, and in its form. */
function readNames(given: { email?: string; username?: string }): { email: string; username?: string } {
  if (given.email === undefined) throw new Refusal('--email is missing. --help shows how this is used.')
  const email = Email.safeParse(given.email)
  if (!email.success) throw new Refusal(`--email: ${email.error.issues[0]!.message}.`)
  if (given.username === undefined) return { email: email.data }
  const username = Username.safeParse(given.username)
  if (!username.success) throw new Refusal(`--username: ${username.error.issues[0]!.message}.`)
  return { email: email.data, username: username.data }
}
