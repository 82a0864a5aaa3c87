import type { Model } from '../../ai/models.ts'
import type { Config } from '../../env.ts'
import { AppError } from '../../http/errors.ts'
import type { Job } from './job.ts'

/**
 * The model to use: the one asked for, or the first of tier `basic`, which every plan includes. Whether the user's plan
 * includes it is a condition of the admission.
 * @throws AppError `model_not_allowed` for one that is not served
 */
export function chooseModel({ MODELS }: Config, wanted: string | undefined): Model {
  const model = MODELS.find(({ id, tier }) => (wanted === undefined ? tier === 'basic' : id === wanted))
  if (!model) throw new AppError('model_not_allowed', `Models served here: ${MODELS.map(({ id }) => id).join(', ')}`)
  return model
}

/** Who may answer in its place: one that cannot search, or see, would answer as if it had. */
export const fallbackFor = (
  { fallback }: Model,
  { searches, messages }: Job,
  { MODELS }: Config,
): Model | undefined => {
  const shows = messages.some((message) => message.role === 'user' && message.pictures)
  return MODELS.find(({ id, tools, vision }) => id === fallback && (tools || !searches) && (vision || !shows))
}
