import type { Actor } from '../support/crew.ts'
import { Breach, clientOf } from '../support/insist.ts'
import { conversationOf } from './replies.ts'

/** Names a conversation. */
export async function changeConversation(actor: Actor): Promise<void> {
  const { api, book, newKey } = actor
  const id = await conversationOf(actor)
  const title = `About ${newKey()}`
  book.forget(`title of ${id}`)
  const { status, body } = await api.ask(`/api/v1/conversations/${id}`, { method: 'PATCH', json: { title } })
  if (status !== 200) throw new Breach(`a change was answered ${status}: ${JSON.stringify(body)}`)
  book.note(`title of ${id}`, 'SELECT title FROM conversations WHERE id = ?', [id], { title })
}

/** Says something in a conversation of its own that no model answers, and deletes that conversation. */
export async function passingConversation({ api, book, newKey }: Actor): Promise<void> {
  const keyed = () => ({ 'idempotency-key': newKey() })
  const { body } = await api.ask('/api/v1/conversations', { json: {}, headers: keyed() })
  const content = `For a moment ${newKey()}`
  await api.ask(`/api/v1/conversations/${body.id}/messages`, { json: { content, reply: false }, headers: keyed() })
  const { status } = await api.ask(`/api/v1/conversations/${body.id}`, { method: 'DELETE' })
  if (status !== 204 && status !== 404) throw new Breach(`a deletion was answered ${status}`)
  book.note(`conversation ${body.id}`, 'SELECT id FROM conversations WHERE id = ?', [body.id], null)
  book.note(content, 'SELECT id FROM messages WHERE content = ?', [content], null)
}

/** Somebody registers, and signs in. */
export async function register({ url, book, newKey }: Actor): Promise<void> {
  const visitor = clientOf(url)
  const json = { username: `v${newKey().slice(0, 13)}`, password: 'correct-horse-battery' }
  const registered = await visitor.ask('/api/v1/auth/register', { json })
  // It was done before, and the answer got lost.
  if (registered.status !== 201 && registered.status !== 409) throw new Breach(`register answered ${registered.status}`)
  book.note(`user ${json.username}`, 'SELECT username FROM users WHERE username = ?', [json.username], {
    username: json.username,
  })
  const { status } = await visitor.ask('/api/v1/auth/login', { json })
  if (status !== 200) throw new Breach(`login answered ${status}`)
}
