import type { Case } from './cases.ts'
import { type Input, pathOf, type Sent } from './requests.ts'
import type { Prepared, Stage } from './stage.ts'

/** A longer URL gets no further than the server's reader of HTTP. */
const MAX_IN_URL = 1_500

type Hostile = Extract<Case, { kind: 'hostile' }>

/** Something that nobody sends who means well, in one place of a request. */
export function hostile(
  { found }: Stage,
  { pick, value, raw, header }: Hostile,
  { sent, input, made }: Prepared,
): Sent {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, MAX_IN_URL).toWellFormed()
  const inPath = [...found.template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  const inQuery = (found.operation.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name)
  const places: ((nth: number) => Sent)[] = [
    () => ({ ...sent, headers: { ...sent.headers, [header[0]]: latin(header[1]) } }),
    ...(inPath.length > 0
      ? [(nth: number) => at(sent, pathOf(found.template, { ...made.things, [pickOf(inPath, nth)]: text || ' ' }))]
      : []),
    ...(inQuery.length > 0 ? [(nth: number) => besides(sent, pickOf(inQuery, nth), text)] : []),
    ...(found.operation.requestBody
      ? [() => withBody(sent, raw), ...[1, 2].map(() => (nth: number) => withField(sent, input, nth, value))]
      : []),
  ]
  return pickOf(places, pick)(Math.floor(pick / places.length))
}

const pickOf = <T>(all: T[], nth: number): T => all[nth % all.length]!

const at = (sent: Sent, path: string): Sent => ({ ...sent, url: `${new URL(sent.url).origin}${path}` })

/** After what the query has already, so that a parameter may be there twice. */
const besides = (sent: Sent, name: string, text: string): Sent => ({
  ...sent,
  url: `${sent.url}${sent.url.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(text)}`,
})

function withBody(sent: Sent, { type, bytes }: Hostile['raw']): Sent {
  const { 'content-type': _, ...headers } = sent.headers
  const body = new Uint8Array(Buffer.from(bytes, 'latin1'))
  return { ...sent, headers: { ...headers, ...(type && { 'content-type': type }) }, body }
}

/** Something else in the place of one field of the body. */
function withField(sent: Sent, { body }: Input, nth: number, value: unknown): Sent {
  if (body?.type !== 'application/json') return sent
  if (Array.isArray(body.value)) return { ...sent, body: JSON.stringify([value]) }
  const fields = (body.value ?? {}) as object
  const name = pickOf([...Object.keys(fields), 'name'], nth)
  return { ...sent, body: JSON.stringify({ ...fields, [name]: value }) }
}

/** As a header has to be for it to be sent at all. */
const latin = (text: string) => Buffer.from(text).toString('latin1').trim()
