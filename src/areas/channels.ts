import { banRoutes } from '../features/channels/routes/bans.ts'
import { channelRoutes } from '../features/channels/routes/channels.ts'
import { inviteRoutes } from '../features/channels/routes/invites.ts'
import { markRoutes } from '../features/channels/routes/marks.ts'
import { memberRoutes } from '../features/channels/routes/members.ts'
import { channelMessageRoutes } from '../features/channels/routes/messages.ts'
import { readingRoutes } from '../features/channels/routes/reading.ts'
import { socketRoutes } from '../features/sockets/routes.ts'
import type { App } from '../http/create-app.ts'

/** Talking with people, also over sockets. */
export function mount(app: App): void {
  // `unread` and `search` before the ids.
  app.route('/api/v1', readingRoutes)
  app.route('/api/v1', channelRoutes)
  app.route('/api/v1', memberRoutes)
  app.route('/api/v1', inviteRoutes)
  app.route('/api/v1', banRoutes)
  app.route('/api/v1', channelMessageRoutes)
  app.route('/api/v1', markRoutes)
  app.route('/api/v1', socketRoutes)
}
