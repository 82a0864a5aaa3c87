import { readEvents, type SseEvent } from '../../../scripts/sse.ts'
import { marker, reply } from '../../support/fake-openai.ts'
import type { Actor } from '../support/crew.ts'
import { Breach } from '../support/insist.ts'

/** The events of a run, over as many connections as it takes. */
class Reading {
  runId: string | undefined
  messageId = ''
  userMessageId = ''
  text = ''
  seq = 0
  status: string | undefined

  take({ id, event, data }: SseEvent): void {
    const told = JSON.parse(data)
    if (event === 'run.reset') {
      this.seq = 0
      this.text = ''
      return
    }
    if (Number(id) !== this.seq + 1) throw new Breach(`event ${id} of run ${told.run_id} came after ${this.seq}`)
    if (this.status) throw new Breach(`event ${event} of run ${told.run_id} came after its end`)
    this.seq = Number(id)
    if (event === 'run.created') {
      this.runId = told.run_id
      this.messageId = told.message_id
      this.userMessageId = told.user_message_id
    }
    if (event === 'message.delta') this.text += told.delta
    if (/^run\.(completed|cancelled|failed|interrupted)$/.test(event)) this.status = told.status
  }
}

/** The id of a conversation of the actor's own, an old one or a new one. */
export async function conversationOf({ api, below, conversations, book, newKey }: Actor): Promise<string> {
  if (conversations.length > 0 && below(4) > 0) return conversations[below(conversations.length)]!
  const ask = { json: {}, headers: { 'idempotency-key': newKey() } }
  const { body } = await api.ask('/api/v1/conversations', ask)
  conversations.push(body.id)
  book.note(`conversation ${body.id}`, 'SELECT id FROM conversations WHERE id = ?', [body.id], { id: body.id })
  return body.id
}

/** What somebody says that a model answers, in so many words and pauses. */
function question({ below, upstream, newKey }: Actor) {
  const script = upstream.script([reply(1 + below(40), below(25))])
  return { content: `${newKey()} ${marker(script)}`, calls: () => upstream.calls(script).length }
}

/** That one was said once, whatever it took, and that no model was asked for it twice. */
function onlyOnce({ book }: Actor, content: string, calls: () => number): void {
  const count = "SELECT count(*) AS n FROM messages WHERE content = ? AND role = 'user'"
  book.note(`said once: ${content}`, count, [content], { n: 1 })
  if (calls() > 1) throw new Breach(`a model was asked ${calls()} times for ${content}`)
}

type Ended = { runId: string | undefined; messageId: string; status: string | undefined }

/** A run has ended, and its text begins with `text`; it is that, unless somebody left before its end. */
function ended({ book }: Actor, { runId, messageId, status }: Ended, text = '', isWhole = false): void {
  book.note(`run ${runId}`, 'SELECT status FROM runs WHERE id = ?', [runId!], { status })
  const content = isWhole ? 'content' : 'substr(content, 1, ?2)'
  const params = isWhole ? [messageId] : [messageId, text.length]
  const stored = `SELECT status, ${content} AS content FROM messages WHERE id = ?1`
  book.note(`reply ${messageId}`, stored, params, { status, content: text })
}

/** Reads a reply as it is written, and goes on where the connection broke: by the run's id, or by the same key again. */
export async function streamedReply(actor: Actor, stopEarly = false): Promise<void> {
  const { api, book, random, newKey } = actor
  const conversation = await conversationOf(actor)
  const { content, calls } = question(actor)
  const key = newKey()
  const reading = new Reading()
  const stopAt = stopEarly ? 1 + actor.below(5) : Number.POSITIVE_INFINITY
  while (!reading.status) {
    const path =
      reading.runId && random() < 0.5
        ? `/api/v1/runs/${reading.runId}/events`
        : `/api/v1/conversations/${conversation}/messages`
    const ask = () => ({
      ...(path.endsWith('messages') && { json: { content, stream: true } }),
      headers: { 'idempotency-key': key, ...(reading.seq > 0 && { 'last-event-id': String(reading.seq) }) },
    })
    await api.stream(path, ask, async (response) => {
      if (response.status !== 200)
        throw new Breach(`a stream was answered ${response.status}: ${await response.text()}`)
      for await (const event of readEvents(response.body!)) {
        reading.take(event)
        // Whoever sees the first event knows that what they said is stored.
        if (event.event === 'run.created') {
          book.note(
            `question ${reading.userMessageId}`,
            'SELECT content FROM messages WHERE id = ?',
            [reading.userMessageId],
            { content },
          )
        }
        if (reading.seq >= stopAt) return
      }
    })
    if (reading.seq >= stopAt) break
  }
  if (!reading.status) {
    const { body } = await api.ask(`/api/v1/runs/${reading.runId}/cancel`, { method: 'POST' })
    if (body.status === 'in_progress') throw new Breach(`run ${reading.runId} goes on after it was cancelled`)
    ended(actor, { ...reading, status: body.status }, reading.text)
  } else ended(actor, reading, reading.text, true)
  onlyOnce(actor, content, calls)
}

/** Stops a reply in the middle. */
export const cancelledReply = (actor: Actor): Promise<void> => streamedReply(actor, true)

/** Waits for the whole of a reply. */
export async function plainReply(actor: Actor): Promise<void> {
  const { api, newKey } = actor
  const conversation = await conversationOf(actor)
  const { content, calls } = question(actor)
  const headers = { 'idempotency-key': newKey() }
  const { status, body } = await api.ask(`/api/v1/conversations/${conversation}/messages`, {
    json: { content },
    headers,
  })
  if (status === 201) ended(actor, { runId: body.run_id, messageId: body.id, status: body.status }, body.content, true)
  else if (body.code === 'run_interrupted')
    ended(actor, { runId: body.run_id, messageId: body.message_id, status: 'interrupted' })
  else if (body.code === 'runner_unavailable')
    ended(actor, { runId: body.run_id, messageId: body.message_id, status: 'failed' })
  else throw new Breach(`a reply was answered ${status}: ${JSON.stringify(body)}`)
  onlyOnce(actor, content, calls)
}
