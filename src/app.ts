import { authRoutes, tokenRoutes } from './features/auth/routes.ts'
import { conversationRoutes } from './features/conversations/routes.ts'
import { messageRoutes } from './features/messages/routes.ts'
import { runRoutes } from './features/runs/routes.ts'
import { documentApi } from './features/system/routes/document.ts'
import { systemRoutes } from './features/system/routes/status.ts'
import { createApp } from './http/create-app.ts'

/** The table of contents of the API. */
export const app = createApp()

app.route('/api/v1', systemRoutes)
app.route('/api/v1', authRoutes)
app.route('/api/v1/auth/token', tokenRoutes)
app.route('/api/v1', conversationRoutes)
app.route('/api/v1', messageRoutes)
app.route('/api/v1', runRoutes)

documentApi(app)
