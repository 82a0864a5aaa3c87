import { z } from '@hono/zod-openapi'
import * as events from '../../../lib/run-events.ts'
import { integer, uuid } from '../../../lib/wire-fields.ts'
import { Message } from '../../messages/schemas.ts'
import { CancelReason, ContextReport, FinishReason, Reserved, RunFault, RunStatus, Source, Warning } from './run.ts'

/** What `data` of an event is: its name is in the line `event`, not in it. */
const dataOf = <S extends z.ZodRawShape>(name: string, { type, ...shape }: S & { type: z.ZodType }) =>
  z.strictObject(shape).openapi(name)

const ended = { status: RunStatus }

/** Data of the events of a stream (docs/runs.md): the component is named like the event. */
export const RunEvent = z
  .union([
    dataOf('RunCreatedEvent', {
      ...events.RunCreatedEvent.shape,
      ...ended,
      context: ContextReport,
      reserved: z.union([Reserved, z.null()]),
      warnings: z.array(Warning).max(10),
    }),
    dataOf('ReasoningDeltaEvent', events.ReasoningDeltaEvent.shape),
    dataOf('MessageDeltaEvent', events.MessageDeltaEvent.shape),
    dataOf('ToolCallEvent', events.ToolCallEvent.shape),
    dataOf('ToolResultEvent', { ...events.ToolResultEvent.shape, sources: z.array(Source).max(10) }),
    dataOf('TitleEvent', events.TitleEvent.shape),
    dataOf('UsageEvent', events.UsageEvent.shape),
    dataOf('MessageCompletedEvent', { ...events.MessageCompletedEvent.shape, message: Message }),
    dataOf('RunCompletedEvent', { ...events.RunCompletedEvent.shape, ...ended, finish_reason: FinishReason }),
    dataOf('RunCancelledEvent', { ...events.RunCancelledEvent.shape, ...ended, cancel_reason: CancelReason }),
    dataOf('RunFailedEvent', { ...events.RunFailedEvent.shape, ...ended, error: RunFault }),
    dataOf('RunInterruptedEvent', { ...events.RunInterruptedEvent.shape, ...ended, error: RunFault }),
    z.strictObject({ run_id: uuid(), after: integer(0, 0) }).openapi('RunResetEvent'),
  ])
  .openapi('RunEvent', {
    description:
      '`data` of a server-sent event of a run; the line `event` says which of these it is. With `format` the stream has other parts',
  })
