import { serveBareWorker } from '../bare-worker.ts'

// node bench/requests/bare-server.ts UPSTREAM: for each scenario the least that a Worker can do: one query, one object, one request to the
// model. It asks nobody who they are and checks nothing. Prints where it listens.
const [upstream] = process.argv.slice(2) as [string]
const WORKER = `
const USER = '01000000-0000-7000-8000-000000000000'
const ROWS = \`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
  INSERT INTO conversations (id, user_id, title, created_at, updated_at, title_source, state, tags)
  SELECT printf('01000000-0000-7000-8000-%012d', i), '\${USER}', 'Conversation ' || i, i, i, 'user', 'active', '[]' FROM n\`
const LIST = "SELECT * FROM conversations WHERE user_id = ? AND state = 'active' ORDER BY updated_at DESC, id DESC LIMIT 21"
let made
const make = (db) => db.batch([
  // As Parley's is.
  db.prepare(\`CREATE TABLE conversations (id TEXT PRIMARY KEY, user_id TEXT, title TEXT, head_id TEXT, created_at INTEGER, updated_at INTEGER,
    project_id TEXT, title_source TEXT, instructions TEXT, state TEXT, pinned_at INTEGER, expires_at INTEGER, tags TEXT)\`),
  db.prepare('CREATE INDEX listed ON conversations (user_id, state, updated_at, id)'),
  db.prepare(ROWS),
])
export default {
  async fetch(request, { UPSTREAM, DB, FILES }) {
    const { pathname } = new URL(request.url)
    if (pathname === '/health') return Response.json({ status: 'ok' })
    await (made ??= make(DB))
    if (pathname === '/list') {
      const { results } = await DB.prepare(LIST).bind(USER).all()
      return Response.json(results)
    }
    if (pathname === '/one') {
      return Response.json(await DB.prepare('SELECT * FROM conversations WHERE id = ?').bind('01000000-0000-7000-8000-000000000500').first())
    }
    if (pathname === '/file' && request.method === 'PUT') {
      const { size } = await FILES.put(crypto.randomUUID(), request.body)
      return Response.json({ size }, { status: 201 })
    }
    if (pathname === '/file') {
      await FILES.head('file') ?? await FILES.put('file', new Uint8Array(1_048_576))
      const object = await FILES.get('file', { range: request.headers })
      return new Response(object.body, { status: request.headers.has('range') ? 206 : 200 })
    }
    const body = { model: 'bench', stream: true, messages: [{ role: 'user', content: (await request.json()).content }] }
    const headers = { 'content-type': 'application/json' }
    return fetch(UPSTREAM + '/chat/completions', { method: 'POST', headers, body: JSON.stringify(body) })
  },
}`

await serveBareWorker('bare', WORKER, { bindings: { UPSTREAM: upstream }, d1Databases: ['DB'], r2Buckets: ['FILES'] })
