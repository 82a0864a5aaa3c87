import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onSignal } from '../command-line.ts'

/** What a Worker gets that has none. Others, such as OPENAI_API_KEY, only their owner can give. */
export const API_SECRETS = ['JWT_SECRET', 'ENCRYPTION_KEY']
/** Its classes sign and open nothing, but every configuration has to have one. */
export const REALTIME_SECRETS = ['JWT_SECRET']

/** The names that a Worker lacks. */
export const lacking = (wanted: string[], present: string[] = []): string[] =>
  wanted.filter((name) => !present.includes(name))

/**
 * Runs `work` with arguments by which wrangler takes secrets along: those of the environment, by whoever keeps them, else random ones.
 * They stand in a file for so long, as the process list is for everybody to read.
 */
export async function withSecrets(names: string[], work: (args: string[]) => Promise<void>): Promise<void> {
  if (names.length === 0) return work([])
  const folder = mkdtempSync(join(tmpdir(), 'parley-secrets-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const stay = onSignal(remove)
  try {
    const file = join(folder, 'secrets.json')
    const made = () => randomBytes(32).toString('base64url')
    const secrets = Object.fromEntries(names.map((name) => [name, process.env[name] || made()]))
    writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 })
    await work(['--secrets-file', file])
  } finally {
    stay()
    remove()
  }
}
