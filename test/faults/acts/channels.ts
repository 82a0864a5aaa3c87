import type { Actor } from '../support/crew.ts'
import { Breach } from '../support/insist.ts'

const STORED = 'SELECT id, seq, content FROM channel_messages WHERE channel_id = ? AND nonce = ?'
const EMOJI = ['👍', '🎉', '👀']

type Said = { id: string; seq: number; nonce: string }

/** Says something, by REST or over the socket. It is there once, with the number that was told. */
async function say(actor: Actor, content: string, more: { thread_id?: string } = {}): Promise<Said> {
  const { api, channel, book, listener, random, newKey } = actor
  const nonce = newKey()
  let said: Said
  if (random() < 0.5) {
    const { messageId: id, seq } = await listener.client.send(channel, content, { nonce, threadId: more.thread_id })
    said = { id, seq, nonce }
  } else {
    const { status, body } = await api.ask(`/api/v1/channels/${channel}/messages`, {
      json: { content, nonce, ...more },
    })
    if (status !== 201 && status !== 200) throw new Breach(`a message was answered ${status}: ${JSON.stringify(body)}`)
    said = { id: body.id, seq: body.seq, nonce }
  }
  book.note(`said ${said.id}`, STORED, [channel, nonce], { id: said.id, seq: said.seq, content })
  return said
}

/** Says something in the channel, and then perhaps answers, changes, marks or deletes it. */
export async function talk(actor: Actor): Promise<void> {
  const { api, channel, book, below, userId, newKey } = actor
  const { id, nonce, seq } = await say(actor, `Hello ${newKey()}`)
  const path = `/api/v1/channels/${channel}/messages/${id}`
  const what = below(6)
  if (what === 0) await say(actor, `A reply ${newKey()}`, { thread_id: id })
  if (what === 1) {
    book.forget(`said ${id}`)
    const content = `Changed ${newKey()}`
    const { status } = await api.ask(path, { method: 'PATCH', json: { content } })
    if (status !== 200) throw new Breach(`a change was answered ${status}`)
    book.note(`said ${id}`, STORED, [channel, nonce], { id, seq, content })
  }
  if (what === 2) {
    book.forget(`said ${id}`)
    const { status } = await api.ask(path, { method: 'DELETE' })
    if (status !== 204) throw new Breach(`a deletion was answered ${status}`)
    book.note(`said ${id}`, STORED, [channel, nonce], { id, seq, content: null })
  }
  if (what === 3) {
    const emoji = EMOJI[below(EMOJI.length)]!
    await api.ask(`${path}/reactions/${encodeURIComponent(emoji)}`, { method: 'PUT' })
    const there = 'SELECT emoji FROM reactions WHERE message_id = ? AND user_id = ? AND emoji = ?'
    book.note(`${emoji} on ${id}`, there, [id, userId, emoji], { emoji })
  }
  if (what === 4) {
    await api.ask(`/api/v1/channels/${channel}/read`, { method: 'PUT', json: { seq } })
    const read = 'SELECT read_seq >= ? AS has FROM read_state WHERE user_id = ? AND channel_id = ?'
    book.note(`read ${seq} by ${userId}`, read, [seq, userId, channel], { has: 1 })
  }
}

/** Calls the chatbot; that it answers once, or says why not, the invariants say. */
export const callChatbot = (actor: Actor): Promise<Said> => say(actor, `@${actor.handle} what of ${actor.newKey()}?`)
