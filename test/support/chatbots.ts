import { env } from 'cloudflare:workers'
import { app } from '../../src/app.ts'
import { client, type SignedIn } from './client.ts'

// biome-ignore lint/suspicious/noExplicitAny: the contract checks it
type Body = any

/** A fresh chatbot of the user's. */
export async function newChatbot(user: SignedIn, more: object = {}): Promise<Body> {
  const { status, body } = await user('POST', '/chatbots', { name: 'Support', ...more })
  if (status !== 201) throw new Error(`No chatbot: ${status} ${JSON.stringify(body)}`)
  return body
}

/** A fresh API key, with its secret. */
export async function newKey(user: SignedIn, chatbotId: string, more: object = {}): Promise<Body> {
  const { status, body } = await user('POST', `/chatbots/${chatbotId}/api-keys`, { name: 'Website', ...more })
  if (status !== 201) throw new Error(`No key: ${status} ${JSON.stringify(body)}`)
  return body
}

/** A client that has a fresh API key, which is beside it with its id. */
export async function newKeyHolder(user: SignedIn, chatbotId: string, more: object = {}) {
  const { id, key } = await newKey(user, chatbotId, more)
  return Object.assign(client(key), { id: id as string, key: key as string })
}

/** Asks a server with other variables, as the user. */
export async function askWith(variables: object, { tokens }: SignedIn, method: string, path: string, body?: object) {
  const execution = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext
  const request = new Request(`https://parley.test/api/v1${path}`, {
    method,
    body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' },
  })
  const response = await app.fetch(request, { ...env, ...variables } as Env, execution)
  return { status: response.status, body: (await response.json()) as Body }
}

/** The first rule that a request broke. */
export const faultOf = ({ status, body }: { status: number; body: Body }) => [status, body.errors?.[0]?.pointer]
