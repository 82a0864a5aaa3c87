import { app } from './app.ts'
import { asMeant } from './http/method-override.ts'

export { Channel } from './features/channels/channel.ts'
export { Runner } from './features/runs/runner.ts'
export { Gateway } from './features/sockets/gateway.ts'

export default {
  fetch: (request: Request, env, execution) => app.fetch(asMeant(request), env, execution),
  async scheduled(event, env, execution) {
    const { doChores } = await import('./cron.ts')
    await doChores(env, new Date(event.scheduledTime), (work) => execution.waitUntil(work))
  },
} satisfies ExportedHandler<Env>
