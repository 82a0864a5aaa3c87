import type { Model } from '../../ai/models.ts'
import type { Config } from '../../env.ts'
import { AppError } from '../../http/errors.ts'

/**
 * The model to use: the one asked for, or the default. Until there are plans everybody has those of tier `basic`.
 * @throws AppError `model_not_allowed`
 */
export function chooseModel({ MODELS }: Config, wanted: string | undefined): Model {
  const allowed = MODELS.filter(({ tier }) => tier === 'basic')
  const model = wanted === undefined ? allowed[0] : allowed.find(({ id }) => id === wanted)
  if (!model) throw new AppError('model_not_allowed', `Models you can use: ${allowed.map(({ id }) => id).join(', ')}`)
  return model
}
