import { conversationRoutes } from '../features/conversations/routes/conversations.ts'
import { shareRoutes } from '../features/conversations/routes/shares.ts'
import { messageRoutes } from '../features/messages/routes/messages.ts'
import { replyRoutes } from '../features/messages/routes/replies.ts'
import { projectRoutes } from '../features/projects/routes.ts'
import { runRoutes } from '../features/runs/routes.ts'
import { searchRoutes } from '../features/search/routes.ts'
import { transferRoutes } from '../features/transfer/routes.ts'
import type { App } from '../http/create-app.ts'

/** Talking with a model. */
export function mount(app: App): void {
  app.route('/api/v1', projectRoutes)
  app.route('/api/v1', conversationRoutes)
  app.route('/api/v1', shareRoutes)
  app.route('/api/v1', messageRoutes)
  app.route('/api/v1', replyRoutes)
  app.route('/api/v1', runRoutes)
  app.route('/api/v1', searchRoutes)
  app.route('/api/v1', transferRoutes)
}
