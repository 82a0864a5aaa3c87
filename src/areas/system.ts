import { serveConsole } from '../features/system/routes/console.ts'
import { documentApi } from '../features/system/routes/document.ts'
import { systemRoutes } from '../features/system/routes/status.ts'
import type { App } from '../http/create-app.ts'

/** Whether the server is well, what it can do, and its console. */
export function mount(app: App, wholeApp: () => Promise<App>): void {
  app.route('/api/v1', systemRoutes)
  documentApi(app, wholeApp)
  serveConsole(app)
}
