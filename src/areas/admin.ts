import { adminAccountRoutes } from '../features/admin/routes/accounts.ts'
import { oversightRoutes } from '../features/admin/routes/oversight.ts'
import { adminUsageRoutes } from '../features/admin/routes/usage.ts'
import type { App } from '../http/create-app.ts'

/** Running the service. */
export function mount(app: App): void {
  app.route('/api/v1', adminAccountRoutes)
  app.route('/api/v1', oversightRoutes)
  app.route('/api/v1', adminUsageRoutes)
}
