import { adminAccountRoutes } from './features/admin/routes/accounts.ts'
import { oversightRoutes } from './features/admin/routes/oversight.ts'
import { adminUsageRoutes } from './features/admin/routes/usage.ts'
import { passwordRoutes } from './features/auth/routes/passwords.ts'
import { sessionRoutes } from './features/auth/routes/sessions.ts'
import { signInRoutes } from './features/auth/routes/sign-in.ts'
import { tokenRoutes } from './features/auth/routes/token.ts'
import { banRoutes } from './features/channels/routes/bans.ts'
import { channelRoutes } from './features/channels/routes/channels.ts'
import { inviteRoutes } from './features/channels/routes/invites.ts'
import { markRoutes } from './features/channels/routes/marks.ts'
import { memberRoutes } from './features/channels/routes/members.ts'
import { channelMessageRoutes } from './features/channels/routes/messages.ts'
import { readingRoutes } from './features/channels/routes/reading.ts'
import { apiKeyRoutes } from './features/chatbots/routes/api-keys.ts'
import { chatbotRoutes } from './features/chatbots/routes/chatbots.ts'
import { conversationRoutes } from './features/conversations/routes/conversations.ts'
import { shareRoutes } from './features/conversations/routes/shares.ts'
import { fileRoutes } from './features/files/routes/files.ts'
import { tusRoutes } from './features/files/routes/tus.ts'
import { uploadRoutes } from './features/files/routes/uploads.ts'
import { gatewayRoutes } from './features/gateway/routes.ts'
import { messageRoutes } from './features/messages/routes/messages.ts'
import { replyRoutes } from './features/messages/routes/replies.ts'
import { planRoutes } from './features/plans/routes.ts'
import { projectRoutes } from './features/projects/routes.ts'
import { runRoutes } from './features/runs/routes.ts'
import { searchRoutes } from './features/search/routes.ts'
import { socketRoutes } from './features/sockets/routes.ts'
import { serveConsole } from './features/system/routes/console.ts'
import { documentApi } from './features/system/routes/document.ts'
import { systemRoutes } from './features/system/routes/status.ts'
import { transferRoutes } from './features/transfer/routes.ts'
import { meRoutes } from './features/users/routes/me.ts'
import { userRoutes } from './features/users/routes/users.ts'
import { createApp } from './http/create-app.ts'

/** The table of contents of the API. */
export const app = createApp()

app.route('/api/v1', systemRoutes)
app.route('/api/v1', signInRoutes)
app.route('/api/v1/auth/token', tokenRoutes)
app.route('/api/v1', sessionRoutes)
app.route('/api/v1', passwordRoutes)
// `me` before the ids.
app.route('/api/v1', meRoutes)
app.route('/api/v1', userRoutes)
app.route('/api/v1', planRoutes)
app.route('/api/v1', projectRoutes)
app.route('/api/v1', conversationRoutes)
app.route('/api/v1', shareRoutes)
app.route('/api/v1', messageRoutes)
app.route('/api/v1', replyRoutes)
app.route('/api/v1', runRoutes)
app.route('/api/v1', searchRoutes)
app.route('/api/v1', transferRoutes)
app.route('/api/v1', uploadRoutes)
app.route('/api/v1/uploads', tusRoutes)
app.route('/api/v1', fileRoutes)
// `unread` and `search` before the ids.
app.route('/api/v1', readingRoutes)
app.route('/api/v1', channelRoutes)
app.route('/api/v1', memberRoutes)
app.route('/api/v1', inviteRoutes)
app.route('/api/v1', banRoutes)
app.route('/api/v1', channelMessageRoutes)
app.route('/api/v1', markRoutes)
app.route('/api/v1', socketRoutes)
app.route('/api/v1', chatbotRoutes)
app.route('/api/v1', apiKeyRoutes)
app.route('/v1', gatewayRoutes)
app.route('/api/v1', adminAccountRoutes)
app.route('/api/v1', oversightRoutes)
app.route('/api/v1', adminUsageRoutes)

documentApi(app)
serveConsole(app)
