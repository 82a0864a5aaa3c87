import { gatewayRoutes } from '../features/gateway/routes.ts'
import type { App } from '../http/create-app.ts'

/** Chatbots for clients of OpenAI's API. */
export function mount(app: App): void {
  app.route('/v1', gatewayRoutes)
}
