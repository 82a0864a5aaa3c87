import { env } from 'cloudflare:workers'
import { inject } from 'vitest'
import { providerFor } from '../../src/ai/providers.ts'
import type { Endpoint, Target } from '../../src/ai/targets.ts'
import { type Config, configOf } from '../../src/env.ts'
import { generateWithTools } from '../../src/features/runs/tool-loop.ts'
import { newId } from '../../src/lib/ids.ts'

/** The origin of the fake provider, and a configuration in which users may call it, and nothing else. */
export const fakeOrigin = () => `http://127.0.0.1:${inject('upstreamPort')}`
export const listed = (): Config => ({ ...configOf(env), LLM_ENDPOINT_ALLOWLIST: [fakeOrigin()] })

/** A base URL at the fake that nobody else uses. */
export const freshUrl = () => `${fakeOrigin()}/${newId()}/v1`

/** A model at an endpoint, called as none of ours. */
export const endpointAt = (url: string, more: Partial<Endpoint> = {}): Target => ({
  ...configOf(env).MODELS[0]!,
  id: 'theirs',
  upstream: 'theirs',
  endpoint: { url, chatbotId: 'bot', sealed: null, ownHosts: ['parley.example.com'], ...more },
})

/** Asks them in this order. The keys of endpoints are what is said to be sealed, unless `openSecret` knows better. */
export async function askThem(
  targets: Target[],
  prompt: string,
  { config = listed(), openSecret = async ({ sealed }: Endpoint) => sealed ?? undefined } = {},
) {
  let text = ''
  const generation = await generateWithTools({
    job: {
      run: { id: 'r', context: { sent: 1, dropped: 0, tokens: 100 } } as never,
      messages: [{ role: 'user', content: prompt }],
      searches: false,
      maxOutputTokens: 100,
    },
    targets,
    provider: (target) => providerFor(target, config, { readPicture: async () => undefined, openSecret }),
    config,
    signal: new AbortController().signal,
    onDelta: (_, delta) => {
      text += delta
    },
    onTool: () => {},
    reserve: () => Promise.reject(new Error('no further call is made')),
    log: () => {},
  })
  const tries = generation.attempts.map(({ model, upstream, status }) => ({ model, upstream, status }))
  return { ...generation, text, tries, code: generation.fault?.code }
}
