import { apiKeyRoutes } from '../features/chatbots/routes/api-keys.ts'
import { chatbotRoutes } from '../features/chatbots/routes/chatbots.ts'
import type { App } from '../http/create-app.ts'

/** Models of one's own, and their keys. */
export function mount(app: App): void {
  app.route('/api/v1', chatbotRoutes)
  app.route('/api/v1', apiKeyRoutes)
}
