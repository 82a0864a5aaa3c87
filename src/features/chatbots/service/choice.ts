import type { Model } from '../../../ai/models.ts'
import type { Target } from '../../../ai/targets.ts'
import type { Config } from '../../../env.ts'
import { AppError, unsupported } from '../../../http/errors.ts'
import type { ServedChatbot } from './served.ts'

/** Whom a request is for: the targets in the order in which they are asked, and through which chatbot. */
export type Choice = { targets: [Target, ...Target[]]; chatbot?: ServedChatbot }

/** What an endpoint is taken to have where its chatbot does not say. */
const CAUTIOUS = { context: 128_000, max_output: 16_384, default_output: 4_096 }

type Served = { config: Pick<Config, 'MODELS'> }
type Choosing = Served & { ownHosts: string[] }

export const modelNotFound = (name: string) =>
  new AppError('model_not_found', `There is no model ${JSON.stringify(name.slice(0, 100))} for you: GET /v1/models`, {
    extras: { param: 'model' },
  })

/** Who answers for a chatbot. @throws AppError `model_not_found` when its model is not served any more */
export function choiceOf(ctx: Choosing, chatbot: ServedChatbot): Choice & { chatbot: ServedChatbot } {
  const limits = {
    ...(chatbot.contextTokens !== null && { context: chatbot.contextTokens }),
    ...(chatbot.maxOutputTokens !== null && {
      max_output: chatbot.maxOutputTokens,
      default_output: chatbot.maxOutputTokens,
    }),
  }
  if (chatbot.llmEndpointUrl === null) {
    const { model: name, maxOutputTokens } = chatbot
    const model = ctx.config.MODELS.find(({ id, tier }) => (name === null ? tier === 'basic' : id === name))
    if (!model) throw modelNotFound(name ?? 'default')
    const targets = withFallback(ctx, model).map((target) => ({
      ...target,
      context: Math.min(target.context, limits.context ?? target.context),
      max_output: Math.min(target.max_output, maxOutputTokens ?? target.max_output),
      default_output: Math.min(target.default_output, maxOutputTokens ?? target.default_output),
    }))
    return { targets: targets as Choice['targets'], chatbot }
  }
  const first = { llm_endpoint_url: chatbot.llmEndpointUrl, model: chatbot.model }
  const targets = [first, ...chatbot.fallbacks].map(({ llm_endpoint_url: url, model }) =>
    endpointTarget(ctx, chatbot, url, model ?? 'default', limits),
  )
  return { targets: targets as Choice['targets'], chatbot }
}

function endpointTarget(ctx: Choosing, chatbot: ServedChatbot, url: string, model: string, limits: object): Target {
  const { origin, hostname } = new URL(url)
  return {
    ...CAUTIOUS,
    ...limits,
    id: model,
    provider: 'openai',
    tier: 'basic',
    output_param: hostname === 'api.openai.com' ? 'max_completion_tokens' : 'max_tokens',
    vision: true,
    picture_detail: 'auto',
    picture_tokens: 1_445,
    tools: true,
    price_in: 0,
    price_out: 0,
    hides_reasoning: false,
    endpoint: {
      url,
      chatbotId: chatbot.id,
      sealed: chatbot.secrets[origin] ?? null,
      ownHosts: ctx.ownHosts,
    },
  }
}

/** A model with the one that it names to stand in for it. */
export const withFallback = ({ config }: Served, model: Model): Choice['targets'] => {
  const fallback = config.MODELS.find(({ id }) => id === model.fallback)
  return fallback ? [model, fallback] : [model]
}

/**
 * Those that can do what is asked for.
 * @throws AppError `unsupported_parameter` when the first one cannot
 */
export function ableOf(targets: Choice['targets'], needsTools: boolean, hasPictures: boolean): Target[] {
  const [first] = targets
  if (hasPictures && !first.vision) throw unsupported('messages', `${first.id} sees no pictures`)
  if (needsTools && !first.tools) throw unsupported('tools', `${first.id} cannot call tools`)
  return targets.filter(({ tools, vision }) => (tools || !needsTools) && (vision || !hasPictures))
}
