import { createServer, type ServerResponse } from 'node:http'

type Kind = 'A' | 'AAAA'
type Zone = Partial<Record<Kind, string[]>> & { status?: number; ttl?: number; alias?: true }

/** What the names below `dns.example.com` stand for, by their first label. */
const ZONES: Record<string, Zone> = {
  public: { A: ['8.8.8.8', '1.1.1.1'], AAAA: ['2606:4700:4700::1111'] },
  only6: { AAAA: ['2606:4700:4700::1111'] },
  alias: { A: ['8.8.8.8'], alias: true },
  brief: { A: ['8.8.8.8'], ttl: 0 },
  one: { A: ['8.8.8.8', '10.0.0.1', '1.1.1.1'] },
  one6: { A: ['8.8.8.8'], AAAA: ['2606:4700:4700::1111', 'fd00::1'] },
  loopback: { A: ['127.0.0.1'] },
  metadata: { A: ['169.254.169.254'] },
  mapped: { AAAA: ['::ffff:10.0.0.1'] },
  within: { A: ['127.0.0.1'], alias: true },
  odd: { A: ['8.8.8.8', 'localhost'] },
  empty: {},
  nowhere: { status: 3 },
  failing: { A: ['8.8.8.8'], status: 2 },
}

/** What is no answer. */
const FAULTS: Record<string, (response: ServerResponse) => void> = {
  silent: () => {},
  html: (response) => response.end('<html>Sign in to this network</html>'),
  list: (response) => response.end('[]'),
  refusing: (response) => response.writeHead(500).end('{"Status":0,"Answer":[{"type":1,"TTL":9,"data":"8.8.8.8"}]}'),
  moved: (response) => response.writeHead(302, { location: '/dns-query?name=public.dns.example.com&type=A' }).end(),
  endless: (response) =>
    response.end(`{"Status":0,"Comment":"${'x'.repeat(1e6)}","Answer":[{"type":1,"TTL":9,"data":"8.8.8.8"}]}`),
}

/** A resolver over HTTPS, without the S, that answers as Cloudflare and Google do in JSON. */
export async function startFakeDns({ port }: { port: number }): Promise<{ close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://fake')
    const [label = ''] = searchParams.get('name')!.split('.')
    const kind = searchParams.get('type') as Kind
    const isAsked = request.headers.accept === 'application/dns-json' && (kind === 'A' || kind === 'AAAA')
    if (!isAsked) return response.writeHead(400).end()
    const fault = FAULTS[label]
    if (fault) return fault(response)
    const { status = 0, ttl = 300, alias, ...zone } = ZONES[label] ?? { status: 3 }
    const record = (type: number, data: string) => ({ name: label, type, TTL: ttl, data })
    const Answer = [
      ...(alias ? [record(5, 'elsewhere.example.net.')] : []),
      ...(zone[kind] ?? []).map((data) => record(kind === 'A' ? 1 : 28, data)),
    ]
    response.writeHead(200, { 'content-type': 'application/dns-json' })
    response.end(JSON.stringify({ Status: status, TC: false, ...(Answer.length > 0 && { Answer }) }))
  })
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  return {
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
