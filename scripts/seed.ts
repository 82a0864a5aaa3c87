import { randomBytes } from 'node:crypto'
import { isCommonPassword } from '../src/features/auth/password-blocklist.ts'
import { checkPassword } from '../src/features/auth/password-policy.ts'
import { Refusal, readOptions, runCommand, TARGET, targetOf } from './command-line.ts'

const USAGE = `Writes demo data: users, a month of their conversations, and chatbots. What is there already stays as it is.

  npm run db:seed [-- options]

  --password P      the password of all of them; without it one is made up and printed
  --persist-to DIR  the local database in DIR; without it that of \`npm run dev\`
  --remote --yes    the deployed database
  --help            this`

await runCommand(USAGE, async () => {
  const given = readOptions({ password: { type: 'string' }, yes: { type: 'boolean' }, ...TARGET })
  const target = targetOf(given)
  if (target.remote && !given.yes) {
    throw new Refusal(
      'This would put users whose password you know into the deployed database. If that is what you want, add --yes.',
    )
  }
  const password = given.password ?? randomBytes(12).toString('base64url')
  const weakness = checkPassword(password, {}, 'default', isCommonPassword)
  if (weakness) throw new Refusal(`${weakness}.`)
  // Drizzle takes a second to load: not for somebody who has mistyped an option.
  const { seed } = await import('./seed/write.ts')
  console.log(await seed(target, password))
})
