import type { Endpoint } from '../../ai/targets.ts'
import type { Config } from '../../env.ts'
import { sha256 } from '../../lib/digests.ts'
import { unseal } from '../../lib/sealed-secrets.ts'

type Keys = Pick<Config, 'ENCRYPTION_KEY' | 'ENCRYPTION_KEY_PREVIOUS'>

/** What an endpoint wants as its key; `undefined` when it was sealed for another origin, or by a key that is gone. */
export async function openSecret(config: Keys, { chatbotId, url, sealed }: Endpoint): Promise<string | undefined> {
  const keys = [config.ENCRYPTION_KEY, config.ENCRYPTION_KEY_PREVIOUS].filter((key) => key !== undefined)
  const named = keys.map(async (key) => ({ id: (await sha256(`sealing:${key}`)).slice(0, 8), key }))
  return sealed === null ? undefined : unseal(await Promise.all(named), sealed, `${chatbotId} ${new URL(url).origin}`)
}
