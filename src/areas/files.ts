import { fileRoutes } from '../features/files/routes/files.ts'
import { tusRoutes } from '../features/files/routes/tus.ts'
import { uploadRoutes } from '../features/files/routes/uploads.ts'
import type { App } from '../http/create-app.ts'

/** What is uploaded, and reading it again. */
export function mount(app: App): void {
  app.route('/api/v1', uploadRoutes)
  app.route('/api/v1/uploads', tusRoutes)
  app.route('/api/v1', fileRoutes)
}
