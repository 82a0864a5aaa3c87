import { inject } from 'vitest'
import { type Call, marker, type Step } from './fake-openai.ts'

export { reply, type Step } from './fake-openai.ts'

/** Tells the fake provider how to answer a message that carries `prompt`. */
export async function script(...attempts: Step[][]) {
  const base = `http://127.0.0.1:${inject('upstreamPort')}`
  const response = await fetch(`${base}/scripts`, { method: 'POST', body: JSON.stringify({ attempts }) })
  const { id } = await response.json<{ id: string }>()
  return {
    prompt: `Go on ${marker(id)}`,
    calls: async () => (await fetch(`${base}/scripts/${id}/calls`)).json<Call[]>(),
  }
}
