import type { Base } from './configs.ts'
import { realtimeName } from './configs.ts'
import { jsonIn, must, type Wrangler, WranglerFailure } from './wrangler.ts'

/** What of Parley an account has. Secrets are names; `undefined` where there is no such Worker. */
export type Account = { hasDatabase: boolean; secrets?: string[]; realtimeSecrets?: string[] }

export const EMPTY: Account = { hasDatabase: false }

/** There is no account to look at. */
export class NotSignedIn extends WranglerFailure {}

/** @throws NotSignedIn, and WranglerFailure when the account cannot be looked at */
export async function lookAt(wrangler: Wrangler, base: Base): Promise<Account> {
  const list = ['d1', 'list', '--json']
  const { ok, stdout, output } = await wrangler(list)
  if (!ok) throw IS_NOT_SIGNED_IN.test(output) ? new NotSignedIn(list, output) : new WranglerFailure(list, output)
  const databases = jsonIn<{ name: string }[]>(stdout)
  const secrets = await secretsOf(wrangler, base.name)
  return {
    hasDatabase: databases.some(({ name }) => name === base.d1_databases[0].database_name),
    secrets,
    // Without the first there is none of the second.
    realtimeSecrets: secrets && (await secretsOf(wrangler, realtimeName(base))),
  }
}

const IS_NOT_SIGNED_IN = /CLOUDFLARE_API_TOKEN|wrangler login|not logged in|Not logged in/

/**
 * Names of the secrets of a Worker. Only when wrangler says that it is not there, there are none: taken for missing, a secret would be
 * made anew, and what the old one sealed could never be opened again.
 */
async function secretsOf(wrangler: Wrangler, name: string): Promise<string[] | undefined> {
  try {
    const listed = await must(wrangler, ['secret', 'list', '--name', name, '--format', 'json'])
    return jsonIn<{ name: string }[]>(listed).map((secret) => secret.name)
  } catch (error) {
    if (error instanceof WranglerFailure && error.output.includes(`Worker "${name}" not found`)) return undefined
    throw error
  }
}
