import type { Model } from '../../ai/models.ts'
import type { Config } from '../../env.ts'
import { AppError } from '../../http/errors.ts'

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
