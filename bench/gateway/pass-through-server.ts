import { serveBareWorker } from '../bare-worker.ts'

// node bench/gateway/pass-through-server.ts UPSTREAM: the least that a gateway in workerd can do. Prints where it listens.
const [upstream] = process.argv.slice(2) as [string]
const WORKER = `export default {
  fetch: ({ method, headers, body }, { UPSTREAM }) =>
    fetch(UPSTREAM + '/chat/completions', { method, headers: { 'content-type': headers.get('content-type') }, body }),
}`

await serveBareWorker('pass-through', WORKER, { bindings: { UPSTREAM: upstream } })
