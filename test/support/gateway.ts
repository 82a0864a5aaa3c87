import { rmSync } from 'node:fs'
import type { Vars } from '../../scripts/dev-vars.ts'
import { startServer } from '../../scripts/local-server.ts'
import { type CuttableProxy, startCuttableProxy } from './cuttable-proxy.ts'
import { type Call, marker, type Step, startFakeOpenAi } from './fake-openai.ts'
import { newState } from './migrated-state.ts'
import { type ServerUser, signIn, until } from './server-user.ts'

export type TestGateway = Awaited<ReturnType<typeof startGateway>>

/**
 * A server whose models are a scriptable provider. Waits are short, so that a test can sit them out; a local server hears of a
 * client's leaving only when it writes to it, which is at the next heartbeat.
 */
export async function startGateway(vars: Vars = {}) {
  const folder = newState()
  const upstream = await startFakeOpenAi()
  const server = await startServer({
    persistTo: folder,
    isMigrated: true,
    vars: {
      OPENAI_BASE_URL: upstream.url,
      UPSTREAM_TRIES: '1',
      UPGRADE_POLICY: 'open',
      PASSWORD_COST: '4',
      REGISTER_ADDRESS_LIMIT: '1000',
      AUTH_RATE_LIMIT: '1000',
      GATEWAY_DETACH_MS: '3000',
      HEARTBEAT_MS: '500',
      RUN_FLUSH_MS: '0',
      ...vars,
    },
  })
  return {
    url: server.url,
    upstream,
    /** What a client asks, so that the provider answers with these steps; another attempt with each further call. */
    script(...attempts: Step[][]): { ask: string; calls: () => Call[] } {
      const id = upstream.script(attempts)
      return { ask: `Go on ${marker(id)}`, calls: () => upstream.calls(id) }
    },
    /** A network of one's own before the server: nobody else's connections are in it. */
    async network<T>(use: (proxy: CuttableProxy) => Promise<T>): Promise<T> {
      const proxy = await startCuttableProxy(Number(new URL(server.url).port))
      return use(proxy).finally(proxy.close)
    },
    async close() {
      await server.stop()
      await upstream.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type BotOwner = Awaited<ReturnType<typeof signInWithBot>>
type BotFields = { plan?: 'free' | 'pro' | 'team'; chatbot?: object; key?: object }

/** A fresh user, by default one with room for everything, with a chatbot and a key of it. */
export async function signInWithBot(url: string, { plan = 'team', chatbot = {}, key = {} }: BotFields = {}) {
  const user = await signIn(url)
  if (plan !== 'free') await created(user, '/user/upgrade', { plan })
  const { id: chatbotId } = await created(user, '/chatbots', { name: 'Helper', ...chatbot })
  const newKey = (fields: object = {}) => created(user, `/chatbots/${chatbotId}/api-keys`, { name: 'Test', ...fields })
  const first = await newKey(key)
  return {
    ...user,
    chatbotId: chatbotId as string,
    key: first.key as string,
    keyId: first.id as string,
    newKey,
    /** What the ledger has of the first key; each of its rows is a run. */
    ledger: async () => ledgerOf(await user.json('/user/usage?group_by=key'), first.id),
    /** The run of a completion, once it is `status`. */
    runThatIs: (status: string, completionId: string) =>
      until(10_000, async () => {
        const run = await user.json(`/runs/${runIdOf(completionId)}`)
        return run.status === status && run
      }),
  }
}

/** Every completion is a run. */
export const runIdOf = (completionId: string): string => completionId.replace(/^chatcmpl-/, '')

async function created(user: ServerUser, path: string, body: object) {
  const response = await user.open(path, { body })
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  return (await response.json()) as any
}

type Item = { key_id: string | null; runs: number; calls: number; output_tokens: number; charged_tokens: number }

function ledgerOf({ items }: { items: Item[] }, keyId: string): Pick<Item, 'runs' | 'calls' | 'output_tokens'> {
  const { runs, calls, output_tokens } = items.find(({ key_id }) => key_id === keyId) ?? {
    runs: 0,
    calls: 0,
    output_tokens: 0,
  }
  return { runs, calls, output_tokens }
}

/** A request of one message. */
export const asking = (content: string) => ({ model: 'default', messages: [{ role: 'user' as const, content }] })

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

type Chunk = { choices: { delta: { content?: string | null } }[] }

/** The text of a stream so far. */
export const textOfChunks = (chunks: Chunk[]): string =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')

/** The steps of a call of tools: all of them at once, each with its arguments. */
export const toolCalls = (...calls: [name: string, args: object][]): Step[] => [
  ...calls.map(([name, args], index) => ({
    call: { id: `call_${index + 1}`, name, arguments: JSON.stringify(args) },
    index,
  })),
  { finish: 'tool_calls' },
  { usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } },
  { done: true },
]

/** An answer that says exactly this. */
export const saying = (text: string): Step[] => [
  { text },
  { finish: 'stop' },
  { usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 } },
  { done: true },
]

/** The ways in which a provider's answer can end before it has ended: all of them look well to a careless client. */
export const CUTS: [how: string, last: Step][] = [
  ['a reset', { reset: true }],
  ['an end in good order', { end: true }],
  ['[DONE] without a finish reason', { done: true }],
]
