import type { Model } from '../../ai/models.ts'
import type { ChatMessage } from '../../ai/provider.ts'
import type { Target } from '../../ai/targets.ts'
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

/** Whom to ask for a run, in this order: those that its job names, or its model and the fallback. None when it is not served. */
export function targetsFor(job: Job, config: Pick<Config, 'MODELS'>): Target[] {
  const [first, ...others] = job.targets ?? servedFor(job, config)
  return first ? [first, ...others.filter((other) => canReplace(other, job))] : []
}

function servedFor({ run }: Job, { MODELS }: Pick<Config, 'MODELS'>): Model[] {
  const model = MODELS.find(({ id }) => id === run.model)
  const fallback = MODELS.find(({ id }) => id === model?.fallback)
  return [model, fallback].filter((one) => one !== undefined)
}

/** One that cannot search, or see, would answer as if it had. */
const canReplace = ({ tools, vision }: Target, { searches, messages }: Job): boolean =>
  (tools || !searches) && (vision || !messages.some(hasPicture))

function hasPicture(message: ChatMessage): boolean {
  if (message.role === 'user' && message.pictures) return true
  const parts = message.verbatim?.content
  return Array.isArray(parts) && parts.some((part: { type?: unknown } | null) => part?.type === 'image_url')
}
