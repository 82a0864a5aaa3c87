import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { freePort } from '../scripts/local-server.ts'

type Bindings = Omit<Parameters<typeof convertV4MiniflareOptions>[0], 'modules' | 'name'>

/** Serves a Worker that is given as text, in workerd and nothing around it, until stdin ends. Prints where it listens. */
export async function serveBareWorker(name: string, contents: string, bindings: Bindings): Promise<void> {
  const port = await freePort()
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name,
      compatibilityDate: '2026-10-20',
      modules: [{ type: 'ESModule', path: 'worker.js', contents }],
      unsafeDirectSockets: [{ host: '127.0.0.1', port }],
      cf: false,
      ...bindings,
    }),
  )
  await miniflare.ready
  console.log(`http://127.0.0.1:${port}`)

  const stop = () => void miniflare.dispose().then(() => process.exit())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
  // The end of stdin tells that the benchmark is gone.
  process.stdin.once('end', stop).resume()
}
