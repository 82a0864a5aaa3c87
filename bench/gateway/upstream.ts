import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PACED } from './prompts.ts'

// node bench/gateway/upstream.ts CHUNKS GAP_MS: a model that always says the same, as fast as Node can, or with a pause before each
// chunk when the request has the word for it. Prints its port.
const [chunks, gapMs] = process.argv.slice(2).map(Number) as [number, number]
const HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }

const head = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'bench' }
const frame = (fields: object) => Buffer.from(`data: ${JSON.stringify({ ...head, ...fields })}\n\n`)
const choice = (delta: object, finish_reason: string | null = null) =>
  frame({ choices: [{ index: 0, delta, finish_reason }] })

const pieces = Array.from({ length: chunks }, (_, at) =>
  choice(at === 0 ? { role: 'assistant', content: 'word ' } : { content: 'word ' }),
)
const usage = { prompt_tokens: 10, completion_tokens: chunks, total_tokens: 10 + chunks }
const last = Buffer.concat([choice({}, 'stop'), frame({ choices: [], usage }), Buffer.from('data: [DONE]\n\n')])

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    // What was said before is in it as well.
    const isPaced = JSON.parse(Buffer.concat(parts).toString()).messages.at(-1).content.includes(PACED)
    response.writeHead(200, HEADERS)
    if (isPaced) pace(response, 0)
    else {
      for (const piece of pieces) response.write(piece)
      response.end(last)
    }
  })
})
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', () => process.exit()).resume()

function pace(response: ServerResponse, at: number): void {
  if (response.destroyed) return
  if (at === pieces.length) response.end(last)
  else
    setTimeout(() => {
      response.write(pieces[at]!)
      pace(response, at + 1)
    }, gapMs)
}
