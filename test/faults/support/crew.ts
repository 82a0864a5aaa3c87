import type { FakeOpenAi } from '../../support/fake-openai.ts'
import { seeded } from '../../support/seeded.ts'
import type { Book } from './book.ts'
import { type Client, clientOf } from './insist.ts'
import { type Listener, listen } from './listeners.ts'

/** Somebody who uses the server, with what they may touch: nobody else changes it. */
export type Actor = {
  api: Client
  token: string
  userId: string
  random: () => number
  /** From 0 to below n. */
  below: (n: number) => number
  listener: Listener
  /** Conversations that only this actor writes to. */
  conversations: string[]
  /** An API key of a chatbot of theirs, with a cap of its own. */
  key: Client
  apiKey: string
  /** A channel that all are in, with a chatbot that answers to this name. */
  channel: string
  handle: string
  book: Book
  upstream: FakeOpenAi
  url: string
  newKey: () => string
}

const PASSWORD = 'correct-horse-battery'
export const KEY_CAP = 50_000_000

type Surroundings = { url: string; size: number; seed: number; book: Book; upstream: FakeOpenAi }

/** Users of the server at `url`, all in one channel, each with a chatbot. The same seed makes the same choices. */
export async function gatherCrew({ url, size, seed, book, upstream }: Surroundings): Promise<Actor[]> {
  const actors: Actor[] = []
  const handle = `bot-${seed}`
  let channel = ''
  for (let n = 0; n < size; n++) {
    const random = seeded(seed * 1_000 + n)
    const username = `u${seed}-${n}`
    const visitor = clientOf(url)
    const { body } = await visitor.ask('/api/v1/auth/register', { json: { username, password: PASSWORD } })
    const token: string = body.access_token
    const api = clientOf(url, token)
    await api.ask('/api/v1/user/upgrade', { json: { plan: 'team' } })
    const bot = await api.ask('/api/v1/chatbots', { json: { name: 'Helper', handle: n === 0 ? handle : null } })
    const key = await api.ask(`/api/v1/chatbots/${bot.body.id}/api-keys`, {
      json: { name: 'Key', monthly_token_cap: KEY_CAP },
    })
    if (n === 0) {
      channel = (await api.ask('/api/v1/channels', { json: { name: 'Crew' } })).body.id
      await api.ask(`/api/v1/channels/${channel}/members`, { json: { chatbot_id: bot.body.id } })
    } else await api.ask(`/api/v1/channels/${channel}/join`, { method: 'POST' })
    actors.push({
      api,
      token,
      userId: body.user.id,
      random,
      below: (most) => Math.floor(random() * most),
      listener: await listen(url, token),
      conversations: [],
      key: clientOf(url, key.body.key),
      apiKey: key.body.key,
      channel,
      handle,
      book,
      upstream,
      url,
      newKey: () => crypto.randomUUID(),
    })
  }
  return actors
}
