import type { components } from './schema.d.ts'

type Fields = components['schemas']['Problem']

/** What the server refused, in its own words (RFC 9457). `code` names the reason, `fields` what was wrong in the body. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly requestId: string | undefined
  readonly fields: ReadonlyMap<string, string>
  /** The body as it came: some codes carry more, such as `run_id`. */
  readonly body: Partial<Fields>
  readonly retryAfterS: number | undefined

  constructor(status: number, body: Partial<Fields>, retryAfterS?: number) {
    super(body.detail ?? 'The server could not do that. Try again.')
    this.status = status
    this.code = body.code ?? 'internal'
    this.requestId = body.request_id
    this.fields = new Map(body.errors?.map(({ pointer, detail }) => [pointer, detail]))
    this.body = body
    this.retryAfterS = retryAfterS
  }
}

/** The problem that an answer tells of, whatever its body is. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined)
  return toProblem(response, body)
}

export function toProblem(response: Response, body: unknown): Problem {
  const retryAfterS = Number(response.headers.get('retry-after')) || undefined
  return new Problem(response.status, isProblem(body) ? body : {}, retryAfterS)
}

/** A proxy on the way may have answered with anything. */
const isProblem = (body: unknown): body is Fields =>
  typeof body === 'object' && body !== null && 'code' in body && 'detail' in body

/** What to tell of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Problem)
    return error.retryAfterS ? `${error.message} (in ${error.retryAfterS} s)` : error.message
  // What fetch throws when there is no answer at all.
  if (error instanceof TypeError) return 'Parley cannot be reached. Is this device online?'
  return error instanceof Error ? error.message : String(error)
}
