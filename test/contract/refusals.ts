import type { Answer } from './requests.ts'

type Refusal = { errors?: { pointer: string }[]; error?: { param: string | null } | string }

/** Whether an answer says that it was this that was wrong, or something in it, or around it. */
export function isNamed({ body }: Answer, at: string): boolean {
  const { errors, error } = (body ?? {}) as Refusal
  // Of the whole body there is nothing to name, and RFC 6749 has no place for it.
  if (at === '' || typeof error === 'string' || at.startsWith('header:')) return true
  if (errors) return errors.some(({ pointer }) => isNear(pointer, at))
  return isNear(error?.param?.replaceAll(/[.[]/g, '/').replaceAll(']', '') ?? '', at.slice(1))
}

const isNear = (told: string, at: string) => told !== '' && (isWithin(told, at) || isWithin(at, told))
const isWithin = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}/`)

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** An id of the same form that nothing has. */
export const nobodys = (id: string): string =>
  id.search(UUID) >= 0 ? id.replace(UUID, crypto.randomUUID()) : [...id].reverse().join('')

/** Whether two refusals look alike but for the ids of the requests and what these name. */
export const isSame = (one: Answer, other: Answer): boolean => withoutIds(one) === withoutIds(other)

const withoutIds = ({ status, text, headers }: Answer) =>
  JSON.stringify([status, headers.get('content-type'), text.replaceAll(UUID, 'id')])
