import { passwordRoutes } from '../features/auth/routes/passwords.ts'
import { sessionRoutes } from '../features/auth/routes/sessions.ts'
import { signInRoutes } from '../features/auth/routes/sign-in.ts'
import { tokenRoutes } from '../features/auth/routes/token.ts'
import { planRoutes } from '../features/plans/routes.ts'
import { meRoutes } from '../features/users/routes/me.ts'
import { userRoutes } from '../features/users/routes/users.ts'
import type { App } from '../http/create-app.ts'

/** Who somebody is, and what they may use. */
export function mount(app: App): void {
  app.route('/api/v1', signInRoutes)
  app.route('/api/v1/auth/token', tokenRoutes)
  app.route('/api/v1', sessionRoutes)
  app.route('/api/v1', passwordRoutes)
  // `me` before the ids.
  app.route('/api/v1', meRoutes)
  app.route('/api/v1', userRoutes)
  app.route('/api/v1', planRoutes)
}
