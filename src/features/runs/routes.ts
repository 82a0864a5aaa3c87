import { createRouter } from '../../http/create-app.ts'
import { authed, keyed } from '../../http/guards.ts'
import { IdParam, json } from '../../http/openapi.ts'
import { text } from '../../lib/wire-fields.ts'
import { eventStream, isFolded, LastEventId, StreamFormat, seqOf, toEventStream } from './responses.ts'
import { Run } from './schemas/run.ts'
import * as runs from './service.ts'
import { toRun } from './wire/run.ts'

const tags = ['runs']

const After = StreamFormat.extend({
  after: text(1_000).optional().openapi({ description: 'Like `Last-Event-ID`, which wins' }),
})

export const runRoutes = createRouter()

runRoutes.openapi(
  keyed(
    {
      operationId: 'getRun',
      tags,
      scope: 'runs',
      method: 'get',
      path: '/runs/{id}',
      summary: 'A run, with the text so far',
      request: { params: IdParam },
      responses: { 200: json(Run, 'The run') },
    },
    ['not_found', 'runner_unavailable'],
  ),
  async (c) => c.json(toRun(await runs.getRun(c.var.ctx, c.req.valid('param').id)), 200),
)

runRoutes.openapi(
  keyed(
    {
      operationId: 'watchRun',
      tags,
      scope: 'runs',
      method: 'get',
      path: '/runs/{id}/events',
      summary: 'Watch a run, from the start or after the last event seen',
      request: { params: IdParam, headers: LastEventId, query: After },
      responses: {
        200: eventStream('The events that follow, then live ones to the end'),
        204: { description: 'Nothing follows: the last event seen is the terminal one' },
      },
    },
    ['not_found', 'validation_failed', 'run_expired', 'runner_unavailable'],
  ),
  async (c) => {
    const { format, ...query } = c.req.valid('query')
    const after = seqOf(c.req.valid('header')['last-event-id'], query.after)
    const feed = await runs.watchRun(c.var.ctx, c.req.valid('param').id, after, isFolded(format))
    return feed === 'ended' ? c.body(null, 204) : (toEventStream(feed, c.var.config, format) as never)
  },
)

runRoutes.openapi(
  authed(
    {
      operationId: 'streamConversation',
      tags,
      method: 'get',
      path: '/conversations/{id}/stream',
      summary: 'The reply that is being written here, from its start, for the AI SDK',
      request: { params: IdParam },
      responses: {
        200: eventStream('The UI message stream of the reply from its start, then live to its end'),
        204: { description: 'No reply is being written' },
      },
    },
    ['not_found', 'runner_unavailable'],
  ),
  async (c) => {
    const feed = await runs.watchConversation(c.var.ctx, c.req.valid('param').id)
    return feed === 'idle' ? c.body(null, 204) : (toEventStream(feed, c.var.config, 'ai-sdk') as never)
  },
)

runRoutes.openapi(
  keyed(
    {
      operationId: 'cancelRun',
      tags,
      scope: 'runs',
      method: 'post',
      path: '/runs/{id}/cancel',
      summary: 'Stop a run; what was written is kept',
      request: { params: IdParam },
      responses: { 200: json(Run, 'The run, ended now or before') },
    },
    ['not_found', 'runner_unavailable'],
  ),
  async (c) => c.json(toRun(await runs.cancelRun(c.var.ctx, c.req.valid('param').id)), 200),
)
