import worker from '../../src/index.ts'

export { Runner } from '../../src/index.ts'

/** Without the brake, which is measured by itself. One, since the configuration is checked once per environment. */
let unbraked: Env | undefined

/**
 * Parley, and `POST /bench`: asks for a list with each token, with and without the limiter, and asks the burst brake as
 * often. The answer is how many milliseconds each took. Nothing but Parley and D1 is in them: no network, and none of the
 * proxies of a local server.
 */
export default {
  async fetch(request: Request, env: Env, execution: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname !== '/bench') return worker.fetch(request, env, execution)
    const { tokens, order } = await request.json<{ tokens: string[]; order: string[] }>()
    unbraked ??= { ...env, BURST: undefined } as unknown as Env
    const list = async (token: string, limiter: 'on' | 'off') => {
      const headers = { authorization: `Bearer ${token}`, 'x-bench-limiter': limiter }
      const response = await worker.fetch(
        new Request(new URL('/conversations', request.url), { headers }),
        unbraked!,
        execution,
      )
      await response.arrayBuffer()
      const isLimited = response.headers.has('ratelimit')
      if (response.status !== 200 || isLimited !== (limiter === 'on')) throw new Error('This is not what is measured')
    }
    const measured: Record<string, (token: string) => Promise<unknown>> = {
      'no limiter': (token) => list(token, 'off'),
      limiter: (token) => list(token, 'on'),
      'burst brake': () => env.BURST.limit({ key: crypto.randomUUID() }),
    }
    const times: Record<string, number[]> = {}
    for (const token of tokens) {
      for (const name of order) {
        const startedAt = performance.now()
        await measured[name]!(token)
        times[name] = [...(times[name] ?? []), performance.now() - startedAt]
      }
    }
    return Response.json(times)
  },
}
