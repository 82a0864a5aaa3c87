import createClient from 'openapi-fetch'
import { toProblem } from './problem.ts'
import type { components, paths } from './schema.d.ts'
import { myId, tokenOf } from './session.ts'

export type Schemas = components['schemas']

/** Every operation of the API, with the token of whoever is signed in. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorizedFetch })

/** `fetch` with the user's token: once more, with a fresh one, when the server takes it no more. */
export async function authorizedFetch(request: Request): Promise<Response> {
  // Nothing is asked in the name of who has signed in meanwhile.
  const asker = myId.value
  const token = await tokenOf(asker)
  const response = await fetch(withToken(request.clone(), token))
  if (response.status !== 401 || token === undefined) return response
  const fresh = await tokenOf(asker, token)
  return fresh === undefined || fresh === token ? response : fetch(withToken(request, fresh))
}

function withToken(request: Request, token: string | undefined): Request {
  if (token !== undefined) request.headers.set('authorization', `Bearer ${token}`)
  return request
}

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** What an operation answered. @throws Problem for anything but success, TypeError when there was no answer */
export async function ok<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked
  if (!response.ok) throw toProblem(response, error)
  return data as T
}

/** A page of a list, with where the next one begins. */
export type Page<T> = { items: T[]; next: string | undefined }

/** @throws as `ok` */
export async function page<T>(asked: Promise<Answer<T[]>>): Promise<Page<T>> {
  const { data, error, response } = await asked
  if (!response.ok) throw toProblem(response, error)
  return { items: data ?? [], next: response.headers.get('x-next-cursor') ?? undefined }
}
