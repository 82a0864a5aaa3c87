import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'

export type Vars = Record<string, string>

const PATH = resolve(import.meta.dirname, '../.dev.vars')

const DEV_VARS = `# Settings of the local server only; made by \`npm run dev\`, ignored by git, read again at each start.
# All settings there are: .dev.vars.example

# Signs the access tokens. Random; in production set another one with \`wrangler secret put JWT_SECRET\`.
JWT_SECRET=<secret>

# Seals what chatbots' own endpoints want as their keys. Random, too; without it none is kept.
ENCRYPTION_KEY=<secret>

# Remove the # to let common passwords such as "password123" in while you try things.
# PASSWORD_POLICY=demo

# Without a key the built-in model parley-offline answers.
# OPENAI_API_KEY=
# OPENAI_BASE_URL=
# OPENAI_MODEL=
`

/** Makes the file of local settings with fresh secrets, unless it is there; true when it made one. */
export function ensureDevVars(path = PATH): boolean {
  const text = DEV_VARS.replaceAll('<secret>', () => randomBytes(32).toString('base64url'))
  try {
    // Exclusive, so that of two starts at once only one writes.
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The settings of `.dev.vars`. */
export const readDevVars = (): Vars => parseEnv(readFileSync(PATH, 'utf8')) as Vars

/** The provider that the shell names, if any. An empty value switches off what `.dev.vars` says. */
export function providerOfShell(): Vars {
  const names = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_MODEL']
  return Object.fromEntries(names.flatMap((name) => (name in process.env ? [[name, process.env[name]!]] : [])))
}
