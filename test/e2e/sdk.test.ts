import { readFileSync, rmSync } from 'node:fs'
import { AbstractChat, type ChatInit, type ChatState } from 'ai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ParleyMessage, parleyTransport, stopReply, toChatMessage } from '../../clients/ai-sdk/transport.ts'
import { type LocalServer, startServer } from '../../scripts/local-server.ts'
import { type CuttableProxy, startCuttableProxy } from '../support/cuttable-proxy.ts'
import { type FakeOpenAi, marker, reply, type Step, startFakeOpenAi } from '../support/fake-openai.ts'
import { newState } from '../support/migrated-state.ts'
import { type ServerUser, signIn, startConversation, until } from '../support/server-user.ts'

let upstream: FakeOpenAi
let server: LocalServer
let proxy: CuttableProxy
const folder = newState()

beforeAll(async () => {
  upstream = await startFakeOpenAi()
  const vars = { OPENAI_BASE_URL: upstream.url, PASSWORD_COST: '4', UPSTREAM_TRIES: '1' }
  server = await startServer({ persistTo: folder, isMigrated: true, vars })
  proxy = await startCuttableProxy(Number(new URL(server.url).port))
})

afterAll(async () => {
  await proxy.close()
  await server.stop()
  await upstream.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What `useChat` keeps in React's state, and every text that it would have shown. */
class Shown implements ChatState<ParleyMessage> {
  status = 'ready' as const
  error: Error | undefined
  messages: ParleyMessage[]
  texts: string[] = []
  constructor(messages: ParleyMessage[] = []) {
    this.messages = messages
  }
  pushMessage = (message: ParleyMessage) => this.#show([...this.messages, message])
  popMessage = () => this.#show(this.messages.slice(0, -1))
  replaceMessage = (at: number, message: ParleyMessage) => this.#show(this.messages.with(at, message))
  snapshot = <T>(thing: T): T => structuredClone(thing)
  #show(messages: ParleyMessage[]) {
    this.messages = structuredClone(messages)
    const text = textOf(messages.at(-1))
    if (messages.at(-1)?.role === 'assistant' && text !== this.texts.at(-1)) this.texts.push(text)
  }
}

/** `useChat` without React. */
class Chat extends AbstractChat<ParleyMessage> {
  readonly shown: Shown
  constructor({ messages, ...init }: ChatInit<ParleyMessage>) {
    const state = new Shown(messages)
    super({ ...init, state })
    this.shown = state
  }
}

const textOf = (message: ParleyMessage | undefined) =>
  message?.parts.map((part) => (part.type === 'text' ? part.text : '')).join('') ?? ''
const runOf = (message: ParleyMessage | undefined) => message?.parts.find((part) => part.type === 'data-run')?.data
const serverOf = (user: ServerUser, url = server.url) => ({ url, token: () => user.token })
const chatOf = (user: ServerUser, id: string, more: Partial<ChatInit<ParleyMessage>> & { url?: string } = {}) =>
  new Chat({ id, transport: parleyTransport(serverOf(user, more.url)), ...more })
const say = (steps: Step[]) => ({ text: `Go on ${marker(upstream.script([steps]))}` })
const isWriting = (chat: Chat) =>
  until(10_000, async () => chat.lastMessage?.role === 'assistant' && textOf(chat.lastMessage).length > 10)

/** The conversation as a page that is opened anew loads it. */
const load = async (user: ServerUser, id: string): Promise<ParleyMessage[]> =>
  (await user.json(`/conversations/${id}/messages`)).map(toChatMessage)

test('a reply arrives in pieces, under the id by which it is stored', async () => {
  const ada = await signIn(server.url)
  const titles: string[] = []
  const chat = chatOf(ada, await startConversation(ada), {
    onData: (part) => part.type === 'data-title' && titles.push(part.data.title),
  })
  await chat.sendMessage(say(reply(30, 20)))
  expect([chat.status, chat.error]).toEqual(['ready', undefined])
  const stored = await ada.json(`/messages/${chat.lastMessage!.id}`)
  expect(stored).toMatchObject({ role: 'assistant', status: 'completed', content: textOf(chat.lastMessage) })
  expect(stored.content.trim().split(' ')).toHaveLength(30)
  expect(chat.shown.texts.length).toBeGreaterThan(5)
  for (const text of chat.shown.texts) expect(stored.content.startsWith(text)).toBe(true)
  expect(runOf(chat.lastMessage)).toMatchObject({ run_id: stored.run_id, status: 'completed', finish_reason: 'stop' })
  expect(chat.lastMessage!.parts.find(({ type }) => type === 'data-usage')).toMatchObject({ data: stored.usage })
  expect(titles).toHaveLength(1)
})

test('a page that is loaded anew in the middle of a reply shows all of it, once', async () => {
  const ada = await signIn(server.url)
  const id = await startConversation(ada)
  const first = chatOf(ada, id)
  const sent = first.sendMessage(say(reply(60, 30)))
  await isWriting(first)
  // The page goes away: to the server that is a connection that closed.
  await Promise.all([first.stop(), sent])
  const second = chatOf(ada, id, { messages: await load(ada, id) })
  expect(second.messages).toHaveLength(2)
  await second.resumeStream()
  expect(second.status).toBe('ready')
  expect(second.messages).toHaveLength(2)
  const stored = await ada.json(`/messages/${second.lastMessage!.id}`)
  expect(stored).toMatchObject({ status: 'completed', content: textOf(second.lastMessage) })
  expect(stored.content.trim().split(' ')).toHaveLength(60)
  expect(second.shown.texts.length).toBeGreaterThan(5)
  expect(runOf(second.lastMessage)!.run_id).toBe(stored.run_id)
})

test('a connection that is cut shows as an error, and the same chat goes on where the reply is', async () => {
  const ada = await signIn(server.url)
  const chat = chatOf(ada, await startConversation(ada), { url: proxy.url })
  const sent = chat.sendMessage(say(reply(60, 30)))
  await isWriting(chat)
  proxy.cut()
  await sent
  expect(chat.status).toBe('error')
  await chat.resumeStream()
  expect([chat.status, chat.messages.length]).toEqual(['ready', 2])
  const { content, status } = await ada.json(`/messages/${chat.lastMessage!.id}`)
  expect([textOf(chat.lastMessage), status]).toEqual([content, 'completed'])
})

test('when nothing is being written there is nothing to resume', async () => {
  const ada = await signIn(server.url)
  const id = await startConversation(ada)
  expect(await parleyTransport(serverOf(ada)).reconnectToStream({ chatId: id })).toBe(null)
  const chat = chatOf(ada, id)
  await chat.sendMessage(say(reply(2)))
  const before = structuredClone(chat.messages)
  await chat.resumeStream()
  expect([chat.status, chat.messages]).toEqual(['ready', before])
})

test('a reply that is stopped ends the stream by itself, and keeps its text', async () => {
  const ada = await signIn(server.url)
  const id = await startConversation(ada)
  const finished: unknown[] = []
  const chat = chatOf(ada, id, { onFinish: ({ isError, isAbort }) => finished.push({ isError, isAbort }) })
  const sent = chat.sendMessage(say([{ tokens: 5 }, { hang: true }]))
  await isWriting(chat)
  await stopReply(serverOf(ada), chat.lastMessage)
  await sent
  expect([chat.status, chat.error]).toEqual(['ready', undefined])
  // The SDK calls an abort only what the client did itself.
  expect(finished).toEqual([{ isError: false, isAbort: false }])
  expect(runOf(chat.lastMessage)).toMatchObject({ status: 'cancelled', cancel_reason: 'user' })
  const stored = await ada.json(`/messages/${chat.lastMessage!.id}`)
  expect(stored).toMatchObject({ status: 'cancelled', content: textOf(chat.lastMessage) })
  expect(stored.content).toBe('w1 w2 w3 w4 w5 ')
  await chat.sendMessage(say(reply(2)))
  expect([chat.status, chat.messages.length]).toEqual(['ready', 4])
})

test('a failure of the model is an error beside the text that there is, and one before the stream is a problem', async () => {
  const ada = await signIn(server.url)
  const chat = chatOf(ada, await startConversation(ada))
  await chat.sendMessage(say([{ tokens: 3 }, { error: { message: 'secret' } }]))
  expect(chat.status).toBe('error')
  expect(chat.error!.message).toBe(runOf(chat.lastMessage)!.error!.message)
  expect(chat.error!.message).not.toContain('secret')
  expect(textOf(chat.lastMessage)).toBe('w1 w2 w3 ')
  expect(await ada.json(`/messages/${chat.lastMessage!.id}`)).toMatchObject({ status: 'failed', content: 'w1 w2 w3 ' })

  await chat.sendMessage({ text: 'Hi' }, { body: { model: 'no-such-model' } })
  expect(JSON.parse(chat.error!.message)).toMatchObject({ status: 403, code: 'model_not_allowed' })
})

test('an answer is made again beside the first, and a message whose sending failed is sent again', async () => {
  const ada = await signIn(server.url)
  const id = await startConversation(ada)
  const chat = chatOf(ada, id)
  const script = upstream.script([reply(2), reply(4)])
  await chat.sendMessage({ text: `Go on ${marker(script)}` })
  const first = chat.lastMessage!
  await chat.regenerate({ messageId: first.id })
  expect([chat.status, chat.messages.length, textOf(chat.lastMessage)]).toEqual(['ready', 2, 'w1 w2 w3 w4 '])
  const [one, other] = await Promise.all([first, chat.lastMessage!].map(({ id }) => ada.json(`/messages/${id}`)))
  expect(other.parent_id).toBe(one.parent_id)
  expect(other.id).not.toBe(one.id)

  const lost = chatOf(ada, id, { url: 'http://127.0.0.1:9', messages: chat.messages })
  await lost.sendMessage(say(reply(3)))
  expect([lost.status, lost.messages.length]).toEqual(['error', 3])
  const back = chatOf(ada, id, { messages: lost.messages })
  await back.regenerate()
  expect([back.status, textOf(back.lastMessage)]).toEqual(['ready', 'w1 w2 w3 '])
  // Had the first time got through, this would not have said it twice.
  const answered = back.lastMessage!
  back.messages = back.messages.slice(0, -1)
  await back.regenerate()
  expect(back.lastMessage!.id).toBe(answered.id)
  expect(await load(ada, id)).toHaveLength(4)
})

test('a message that is said in other words begins a branch of its own', async () => {
  const ada = await signIn(server.url)
  const id = await startConversation(ada)
  const chat = chatOf(ada, id)
  await chat.sendMessage(say(reply(1)))
  await chat.sendMessage(say(reply(2)))
  const [, answer, question] = chat.messages
  await chat.sendMessage({ ...say(reply(3)), messageId: question!.id })
  expect([chat.status, chat.messages.length, textOf(chat.lastMessage)]).toEqual(['ready', 4, 'w1 w2 w3 '])
  const reworded = await ada.json(`/messages/${runOf(chat.lastMessage)!.user_message_id}`)
  expect(reworded.parent_id).toBe(answer!.id)
})

test('the documentation shows the transport that is tested here', () => {
  const code = readFileSync('clients/ai-sdk/transport.ts', 'utf8')
  expect(readFileSync('docs/ai-sdk.md', 'utf8')).toContain(`\`\`\`ts\n${code}\`\`\``)
})
