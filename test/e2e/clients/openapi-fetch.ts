import createClient from 'openapi-fetch'
import type { paths } from './generated/schema'

// What a program does with the types of openapi-typescript: say something, read it back, and ask for what is not there.
const baseUrl = process.argv[2]!
const anybody = createClient<paths>({ baseUrl })
const { data: signedIn, error: refused } = await anybody.POST('/api/v1/auth/register', {
  body: { username: `u${crypto.randomUUID().slice(0, 12)}`, password: 'correct-horse-battery' },
})
if (!signedIn) throw new Error(refused.detail)

const me = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${signedIn.access_token}` } })
const { data: conversation } = await me.POST('/api/v1/conversations', { body: { title: 'Generated' } })
const path = { id: conversation!.id }
const { data: reply, response } = await me.POST('/api/v1/conversations/{id}/messages', {
  params: { path },
  body: { content: 'Hello' },
})
if (!reply || !('role' in reply)) throw new Error(`There is no reply but a ${response.status}`)
const { data: messages } = await me.GET('/api/v1/conversations/{id}/messages', { params: { path } })

const { error: missing } = await me.GET('/api/v1/conversations/{id}', {
  params: { path: { id: '019b76da-a800-7000-8000-000000000000' } },
})
const said = messages?.map(({ role, status }) => `${role} ${status}`)
console.log(JSON.stringify({ reply: reply.content, said, missing: [missing?.status, missing?.code] }))
