import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Miniflare } from 'miniflare'
import { bundleOptions } from '../../../bench/bundle-options.ts'
import { failingEntry } from './failing-entry.ts'

// node server-process.ts BUILT STATE PORT VARS [failing]: the built Worker on PORT, as bench/parley-server.ts runs it. Besides it
// listens for its operator, whose address it prints: POST /cron?time=MS is what the platform does each minute. Warnings and errors
// that the Worker logs are appended to STATE/log. With `failing` its bindings can be made to fail (failing-bindings.ts).
const [built, state, port, vars, failing] = process.argv.slice(2) as [string, string, string, string, string?]

const miniflare = new Miniflare(
  bundleOptions({
    built,
    state,
    vars: JSON.parse(vars),
    port: Number(port),
    entry: failing === undefined ? undefined : await failingEntry(),
    onLog: (line) => {
      if (/"level":"(warn|error)"/.test(line) || !line.startsWith('{')) appendFileSync(join(state, 'log'), `${line}\n`)
    },
  }),
)
await miniflare.ready

const operator = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://operator')
  if (pathname !== '/cron') return void response.writeHead(404).end()
  const worker = await miniflare.getWorker()
  const { outcome } = await worker.scheduled({
    scheduledTime: new Date(Number(searchParams.get('time'))),
    cron: '* * * * *',
  })
  response.writeHead(outcome === 'ok' ? 204 : 500).end()
})
operator.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(operator.address() as AddressInfo).port}`)
})

const stop = () => void miniflare.dispose().then(() => process.exit())
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
// The end of stdin tells that the test is gone.
process.stdin.once('end', stop).resume()
