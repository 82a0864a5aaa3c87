import { isDeepStrictEqual } from 'node:util'
import { findOperation } from '../support/contract.ts'
import type { Answer, Sent } from './requests.ts'
import type { Stage } from './stage.ts'
import type { Person } from './world.ts'

/** What a success promises: what was made or changed reads as it was answered, and what was deleted is gone. */
export async function checkAfterwards(stage: Stage, sent: Sent, answer: Answer, by?: Person): Promise<string[]> {
  const { pathname } = new URL(sent.url)
  const read = (path: string) => stage.world.ask(by, 'GET', path, { headers: tusOf(sent) })
  const isReadable = (path: string) => findOperation(stage.document, 'GET', path) !== undefined
  if (answer.status >= 300 || sent.method === 'GET') return []
  if (sent.method === 'DELETE') {
    if (!isReadable(pathname)) return []
    const { status, body } = await read(pathname)
    // In a channel it is still seen that there was something.
    const isEmptied = (body as { deleted_at?: string | null } | undefined)?.deleted_at != null
    return status === 404 || status === 401 || isEmptied ? [] : [`deleted, and reads as ${status}`]
  }
  const location = answer.headers.get('location')
  if (location) {
    const found = await read(location)
    return found.status < 300 ? [] : [`Location leads to a ${found.status}`]
  }
  const told = objectIn(answer)
  const isMade = sent.method === 'POST' && answer.status === 201 && typeof told?.id === 'string'
  const path = isMade ? `${pathname}/${told.id}` : pathname
  if (!told || !isReadable(path) || (sent.method === 'POST' && !isMade)) return []
  const found = await read(path)
  if (found.status !== 200) return [`made or changed, and reads as ${found.status}`]
  const now = objectIn(found)!
  const other = Object.keys(told).filter((name) => name in now && !isDeepStrictEqual(told[name], now[name]))
  return other.map(
    (name) => `${name} was answered as ${JSON.stringify(told[name])} and reads ${JSON.stringify(now[name])}`,
  )
}

function objectIn({ body }: Answer): Record<string, unknown> | undefined {
  return body !== null && typeof body === 'object' && !Array.isArray(body)
    ? (body as Record<string, unknown>)
    : undefined
}

const tusOf = ({ headers }: Sent): Record<string, string> =>
  headers['tus-resumable'] ? { 'tus-resumable': headers['tus-resumable'] } : {}
