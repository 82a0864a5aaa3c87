import worker from '../../src/index.ts'

export { Runner } from '../../src/index.ts'

/**
 * Parley, and `POST /bench`: asks for a list with each of the access tokens, one after the other, and answers how many
 * milliseconds that took. Nothing but Parley and D1 is in them: no network, and none of the proxies of a local server.
 */
export default {
  async fetch(request: Request, env: Env, execution: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname !== '/bench') return worker.fetch(request, env, execution)
    const { tokens, variant } = await request.json<{ tokens: string[]; variant: string }>()
    const startedAt = Date.now()
    for (const token of tokens) {
      const headers = { authorization: `Bearer ${token}`, 'x-bench': variant }
      const response = await worker.fetch(
        new Request(new URL('/conversations', request.url), { headers }),
        env,
        execution,
      )
      await response.arrayBuffer()
      if (response.status !== 200) throw new Error(`The list answered ${response.status}`)
    }
    return Response.json(Date.now() - startedAt)
  },
}
