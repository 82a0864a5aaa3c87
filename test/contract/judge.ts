import { readEvents } from '../../scripts/sse.ts'
import { checkAnswer, type Document, type Found, findOperation, schemaOfEvent } from '../support/contract.ts'
import { leaksOf } from './leaks.ts'
import { type Answer, described, type Sent } from './requests.ts'
import { checkByAjv } from './schemas.ts'

/** Throws when an answer is not what the document says, or says more than it may. */
export type Judge = (sent: Sent, answer: Answer) => Promise<void>

export const judgeFor =
  (document: Document): Judge =>
  async (sent, answer) => {
    const path = new URL(sent.url).pathname
    // What is asked without a body is answered like what has one.
    const found = findOperation(document, sent.method === 'HEAD' ? 'GET' : sent.method, path)
    const faults = [
      ...generalFaults(answer),
      ...(found ? contractFaults(document, found, sent, answer) : undeclaredFaults(answer)),
      ...(sent.method === 'HEAD' ? [] : await streamFaults(document, answer)),
      ...leaksOf(sent, answer, found?.operation.operationId),
    ]
    if (faults.length > 0) throw new Error(`${faults.join('\n')}\n${described(sent, answer)}`)
  }

/** What holds for every answer, whatever was asked. */
function generalFaults({ status, headers, body }: Answer): string[] {
  const faults: string[] = []
  if (status >= 500) faults.push(`a ${status}, with nothing broken`)
  if (!headers.has('x-request-id')) faults.push('no X-Request-Id')
  // A socket has none but those of its handshake.
  if (status !== 101 && headers.get('x-content-type-options') !== 'nosniff') faults.push('no X-Content-Type-Options')
  if (status === 401 && !headers.has('www-authenticate')) faults.push('a 401 without WWW-Authenticate')
  if (status === 405 && !headers.has('allow')) faults.push('a 405 without Allow')
  if ((status === 429 || status === 503) && !headers.has('retry-after')) faults.push(`a ${status} without Retry-After`)
  if (headers.get('content-type')?.startsWith('application/problem+json')) {
    const { status: told, request_id } = body as { status: number; request_id: string }
    if (told !== status) faults.push(`the problem says ${told}`)
    if (request_id !== headers.get('x-request-id')) faults.push('the problem has another request id')
  }
  return faults
}

/** Headers that any answer may have; all others belong to an operation. */
const COMMON =
  /^(content-(type|length|disposition|encoding|security-policy)|date|connection|keep-alive|transfer-encoding|cache-control|vary|access-control-[\w-]+|x-request-id|server-timing|x-content-type-options|strict-transport-security|referrer-policy|accept-ranges|last-modified|x-accel-buffering|preference-applied|x-should-retry|x-robots-tag|upgrade|sec-websocket-[\w-]+)$/

function contractFaults(document: Document, found: Found, sent: Sent, answer: Answer): string[] {
  const { status, headers, body, envelope } = answer
  const faults: string[] = []
  const declared = Object.keys(found.operation.responses[status]?.headers ?? {}).map((name) => name.toLowerCase())
  for (const name of headers.keys()) {
    if (!COMMON.test(name) && !declared.includes(name)) faults.push(`the header ${name} is not declared`)
  }
  if (status < 300 && declared.includes('ratelimit') && !headers.has('ratelimit')) faults.push('no RateLimit')
  if (sent.method === 'HEAD') return faults
  if (envelope && envelope.code !== status) faults.push('the envelope has another code')
  const bare = new Headers(headers)
  if (envelope && status >= 400) bare.set('content-type', headers.get('content-type')!.replace('json', 'problem+json'))
  try {
    checkAnswer(document, found, { status, headers: bare }, body, checkByAjv)
  } catch (error) {
    faults.push((error as Error).message)
  }
  return faults
}

/** Of a path that is not in the document, or a method that it does not have there. */
function undeclaredFaults({ status }: Answer): string[] {
  return status === 404 || status === 405 ? [] : [`a ${status} where nothing is declared`]
}

const TERMINAL = /^run\.(completed|cancelled|failed|interrupted)$/

/** A stream ends with what says that it has ended, and each event is what its name says. */
async function streamFaults(document: Document, { headers, text }: Answer): Promise<string[]> {
  if (!headers.get('content-type')?.startsWith('text/event-stream')) return []
  const faults: string[] = []
  let last = ''
  for await (const { event, data } of readEvents(new Blob([text]).stream())) {
    last = event === 'message' ? data : event
    if (event === 'message' && data === '[DONE]') continue
    const value = JSON.parse(data)
    if (event === 'message') continue
    const schema = schemaOfEvent(document, event)
    const fault = schema ? checkByAjv(document, schema, value) : 'is no event of the document'
    if (fault) faults.push(`${event}: ${fault}`)
  }
  if (last !== '[DONE]' && !TERMINAL.test(last)) faults.push(`the stream breaks off after ${JSON.stringify(last)}`)
  return faults
}
