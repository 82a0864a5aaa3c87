import { readEvents } from '../../../scripts/sse.ts'
import { marker, reply } from '../../support/fake-openai.ts'
import type { Actor } from '../support/crew.ts'
import { Breach } from '../support/insist.ts'

/** A completion by an API key: as a stream or whole, under a key, so that it is made once. */
export async function completion({ key, book, upstream, below, random, newKey }: Actor): Promise<void> {
  const script = upstream.script([reply(1 + below(30), below(25))])
  const stream = random() < 0.5
  const messages = [{ role: 'user', content: `${newKey()} ${marker(script)}` }]
  const ask = { json: { model: 'default', messages, stream }, headers: { 'idempotency-key': newKey() } }
  let runId = ''
  let text = ''
  let ending: string | undefined
  while (ending === undefined) {
    await key.stream(
      '/v1/chat/completions',
      () => ask,
      async (response) => {
        runId = response.headers.get('x-run-id') ?? runId
        if (!stream || response.status !== 200) {
          const body = (await response.json()) as {
            choices?: [{ message: { content: string } }]
            error?: { code: string }
          }
          ending = body.error?.code ?? 'completed'
          return
        }
        // Told again from its start: what was seen of it before is how it begins.
        const seen = text
        text = ''
        for await (const { data } of readEvents(response.body!)) {
          if (data === '[DONE]') ending = 'completed'
          else {
            const { choices, error } = JSON.parse(data)
            if (error) ending = error.code
            text += choices?.[0]?.delta.content ?? ''
          }
        }
        if (!text.startsWith(seen.slice(0, text.length)))
          throw new Breach(`run ${runId} said ${text} after it had said ${seen}`)
      },
    )
  }
  const status = {
    completed: 'completed',
    run_interrupted: 'interrupted',
    runner_unavailable: 'failed',
    run_cancelled: 'cancelled',
  }[ending]
  if (status === undefined) throw new Breach(`a completion ended with ${ending}`)
  book.note(`completion ${runId}`, 'SELECT status FROM runs WHERE id = ?', [runId], { status })
  if (upstream.calls(script).length > 1) throw new Breach(`a model was asked twice for run ${runId}`)
}

/** The short way: nobody can come back to it, and what it held is given back all the same. */
export async function passingCompletion({ key, upstream, below, newKey }: Actor): Promise<void> {
  const script = upstream.script([reply(1 + below(30), below(25))])
  const messages = [{ role: 'user', content: `${newKey()} ${marker(script)}` }]
  const json = { model: 'default', messages, stream: true, store: false }
  await key
    .once('/v1/chat/completions', { json })
    .then((response) => response.text())
    .catch(() => {})
}
