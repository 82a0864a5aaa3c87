import { createConversation, createMessage, getConversation, listMessages, register } from './generated/hey-api'
import { client } from './generated/hey-api/client.gen'

// The same with the client of @hey-api/openapi-ts, for which a reply is a stream of events.
client.setConfig({ baseUrl: process.argv[2]! })
const { data: signedIn, error: refused } = await register({
  body: { username: `u${crypto.randomUUID().slice(0, 12)}`, password: 'correct-horse-battery' },
})
if (!signedIn) throw new Error(refused.detail)

client.setConfig({ auth: signedIn.access_token })
const { data: conversation } = await createConversation({ body: { title: 'Generated' }, throwOnError: true })
const path = { id: conversation.id }
const { stream } = await createMessage({ path, body: { content: 'Hello', stream: true }, sseMaxRetryAttempts: 1 })
let reply = ''
for await (const event of stream) if (event && 'delta' in event) reply += event.delta
const { data: messages } = await listMessages({ path })

const { error: missing } = await getConversation({ path: { id: '019b76da-a800-7000-8000-000000000000' } })
const said = messages?.map(({ role, status }) => `${role} ${status}`)
console.log(JSON.stringify({ reply, said, missing: [missing?.status, missing?.code] }))
