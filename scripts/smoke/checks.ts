import { connect } from '../../clients/realtime/client.ts'
import { auth, postJson, send } from '../call-api.ts'
import { readEvents, type SseEvent } from '../sse.ts'

/** The account that a smoke test makes, and where. */
export type Account = { url: string; api: string; token: string }

/** What must be served, and what tells that it is that and no error page. */
export const PAGES = {
  '/openapi.json': '"openapi"',
  '/asyncapi.json': '"asyncapi"',
  '/docs': 'swagger',
  '/redoc': 'redoc',
  '/app': '<title>',
}

const STREAM_MS = 120_000
const SOCKET_MS = 20_000
const RESUME_AFTER = 2

/** Asks for a reply, reads it to its terminal event, and reads it once more from the middle: that must be the same. */
export async function talkToModel({ api, token }: Account): Promise<void> {
  const { id } = await postJson<{ id: string }>(`${api}/conversations`, {}, token)
  const response = await send(`${api}/conversations/${id}/messages`, {
    method: 'POST',
    headers: { ...auth(token), accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ content: 'Say hello, please.' }),
    signal: AbortSignal.timeout(STREAM_MS),
  })
  const run = response.headers.get('x-run-id')
  const events = await allOf(response)
  const last = events.at(-1)
  if (last?.event !== 'run.completed') {
    throw new Error(`the reply ended with ${last?.event ?? 'nothing'}: ${last?.data ?? 'no event came'}`)
  }
  const missed = await send(`${api}/runs/${run}/events`, {
    headers: { ...auth(token), accept: 'text/event-stream', 'last-event-id': String(RESUME_AFTER) },
    signal: AbortSignal.timeout(STREAM_MS),
  })
  const [resumed, expected] = [await allOf(missed), events.slice(RESUME_AFTER)].map((list) => JSON.stringify(list))
  if (resumed !== expected) throw new Error(`resumed after event ${RESUME_AFTER}, the reply is another one`)
}

async function allOf(response: Response): Promise<SseEvent[]> {
  const events: SseEvent[] = []
  for await (const event of readEvents(response.body!)) if (event.id !== undefined) events.push(event)
  return events
}

/** Makes a channel, says something in it over a socket, and waits until that comes back as an event. */
export async function talkInChannel({ url, api, token }: Account): Promise<void> {
  const channel = await postJson<{ id: string }>(
    `${api}/channels`,
    { name: 'Smoke test', visibility: 'private' },
    token,
  )
  const content = `Hello at ${new Date().toISOString()}`
  let client: ReturnType<typeof connect> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    await new Promise<void>((done, fail) => {
      timer = setTimeout(() => fail(new Error(`nothing came within ${SOCKET_MS / 1_000} s`)), SOCKET_MS)
      client = connect({
        url,
        token: () => token,
        onEvent: (event) => event.type === 'message' && event.data.content === content && done(),
        onState: (state) => state.state === 'closed' && fail(new Error(`the socket was closed: ${state.reason}`)),
      })
      client.send(channel.id, content).catch(fail)
    })
  } finally {
    clearTimeout(timer)
    client?.close()
    await send(`${api}/channels/${channel.id}`, { method: 'DELETE', headers: auth(token) })
  }
}
