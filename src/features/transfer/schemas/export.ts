import { z } from '@hono/zod-openapi'
import { uuid } from '../../../lib/wire-fields.ts'

export const ExportQuery = z.object({
  conversation_id: uuid().optional().openapi({ description: 'Only this one, with its project' }),
})
