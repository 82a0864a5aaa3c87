import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { type CuttableProxy, startCuttableProxy } from '../../support/cuttable-proxy.ts'
import { type FakeOpenAi, marker, reply } from '../../support/fake-openai.ts'
import type { Actor } from './crew.ts'

/** How a client goes: it hangs up, its connection is reset, or it is there no more and nobody is told. */
const WAYS = ['hang up', 'reset', 'half open'] as const

/** A network of one's own for one client, so that it alone is cut. */
async function throughNetwork(port: number, use: (network: CuttableProxy) => Promise<unknown>): Promise<CuttableProxy> {
  const network = await startCuttableProxy(port)
  await use(network)
  return network
}

/** Begins a streamed reply, or completion, and leaves in the middle of it. Gives the network that a half-open client leaves behind. */
export async function abandonStream(
  { token, apiKey, conversations, random, below }: Actor,
  upstream: FakeOpenAi,
  port: number,
) {
  const way = WAYS[below(WAYS.length)]!
  const isNative = random() < 0.5
  const content = `Go on ${marker(upstream.script([reply(30, 20)]))}`
  return throughNetwork(port, async (network) => {
    const leave = new AbortController()
    const body = isNative
      ? { content, stream: true, on_conflict: 'interrupt', on_disconnect: random() < 0.5 ? 'cancel' : 'continue' }
      : { model: 'default', messages: [{ role: 'user', content }], stream: true }
    const conversation = conversations[below(conversations.length)]
    const path = isNative ? `/api/v1/conversations/${conversation}/messages` : '/v1/chat/completions'
    const response = await fetch(network.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${isNative ? token : apiKey}`, 'content-type': 'application/json' },
      signal: leave.signal,
    })
    if (response.status !== 200) throw new Error(`A stream was answered ${response.status}: ${await response.text()}`)
    const reader = response.body!.getReader()
    await reader.read()
    if (way === 'half open') for (const connection of network.connections()) connection.blackhole()
    if (way === 'reset') network.cut()
    leave.abort()
    await reader.cancel().catch(() => {})
    if (way !== 'half open') await network.close()
  })
}

/** Opens a socket, resumes, and is gone. */
export async function abandonSocket({ token, below }: Actor, port: number) {
  const way = WAYS[below(WAYS.length)]!
  return throughNetwork(port, async (network) => {
    const socket = new WebSocket(`${network.url.replace('http', 'ws')}/api/v1/ws`, ['chat.v1'], {
      headers: { authorization: `Bearer ${token}` },
    })
    await new Promise<void>((done, fail) => {
      socket.once('error', fail)
      socket.once('close', (code) => fail(new Error(`A socket was closed with ${code}`)))
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data))
        if (frame.type === 'hello') socket.send(JSON.stringify({ type: 'resume', id: '1', data: { streams: {} } }))
        if (frame.type === 'resumed') done()
      })
    })
    await sleep(below(200))
    if (way === 'half open') for (const connection of network.connections()) connection.blackhole()
    if (way === 'reset') network.cut()
    if (way === 'hang up') socket.close()
    else socket.terminate()
    socket.on('error', () => {})
    if (way !== 'half open') setTimeout(() => void network.close(), 1_000)
  })
}
