import type { Config } from '../../../env.ts'
import { AppError } from '../../../http/errors.ts'
import { sha256 } from '../../../lib/digests.ts'
import { type SealingKeys, seal, unseal } from '../../../lib/sealed-secrets.ts'

type SealingConfig = Pick<Config, 'ENCRYPTION_KEY' | 'ENCRYPTION_KEY_PREVIOUS'>

type Secrets = Pick<Config, 'ENCRYPTION_KEY' | 'ENCRYPTION_KEY_PREVIOUS'>

/** The keys that secrets of chatbots are sealed with, the current one first; none where the operator has set none. */
function sealingKeys({ ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS }: Secrets): Promise<SealingKeys> {
  const given = [ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS].filter((key) => key !== undefined)
  return Promise.all(given.map(async (key) => ({ id: (await sha256(`sealing:${key}`)).slice(0, 8), key })))
}

/**
 * What an endpoint wants as its key, sealed for this chatbot and this origin (security: it opens nothing elsewhere).
 * @throws AppError `not_configured` without an ENCRYPTION_KEY: nothing is ever stored in clear
 */
export async function sealFor(
  config: SealingConfig,
  chatbotId: string,
  origin: string,
  secret: string,
): Promise<string> {
  if (!config.ENCRYPTION_KEY) {
    throw new AppError('not_configured', 'This server keeps no keys of others: its operator has to set ENCRYPTION_KEY')
  }
  return seal(await sealingKeys(config), secret, associatedDataOf(chatbotId, origin))
}

/** The secret; `undefined` when it was sealed for another chatbot or origin, or by a key that is not there any more. */
export async function unsealFor(
  config: SealingConfig,
  { chatbotId, origin, sealed }: { chatbotId: string; origin: string; sealed: string },
): Promise<string | undefined> {
  return unseal(await sealingKeys(config), sealed, associatedDataOf(chatbotId, origin))
}

const associatedDataOf = (chatbotId: string, origin: string) => `${chatbotId} ${origin}`
