import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from '../../../http/context.ts'
import { HEADERS } from '../../../http/openapi.ts'
import { RUN_EVENTS } from '../../runs/schemas/events.ts'
import { describeSockets } from '../../sockets/schemas/asyncapi.ts'
import { docsPolicy, redocPage, swaggerPage } from './docs-pages.ts'

const DESCRIPTION = `A chat backend for people and models: AI replies that survive any disconnect.

A reply is a **run**. Ask for it with \`Accept: text/event-stream\`, and if the connection is lost come back to
\`GET /api/v1/runs/{id}/events\` with \`Last-Event-ID\`. Every error is a problem (RFC 9457) with a stable \`code\`.
Answers come in an envelope \`{code, message, data}\` with \`Prefer: envelope\`. WebSockets are described by \`/asyncapi.json\`.`

const MIT = { name: 'MIT', url: 'https://opensource.org/license/mit' }

const TAGS = {
  system: 'Whether the server is well',
  auth: 'Accounts, sessions and passwords',
  users: 'Who there is, and one’s own account',
  admin: 'Running the service',
  plans: 'What an account may use, and what it has used',
  conversations: 'Conversations, which contract 2 calls chats',
  messages: 'What was said, and asking for a reply',
  channels: 'Conversations of people: members, messages, and what is unread',
  sockets: 'Channels in real time; /asyncapi.json says what is said there',
  chatbots: 'Models of one’s own: instructions, files, and where they run',
  'api-keys': 'What opens a chatbot to clients of OpenAI’s API',
  gateway: 'Chatbots as models, for any client of OpenAI’s API',
  runs: 'Replies while they are made: watch, resume, stop',
}

/** The welcome, the OpenAPI document with its two readers, and the AsyncAPI document. They are in neither of the two. */
export function documentApi(app: OpenAPIHono<AppEnv>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'admin', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The access token of a user whose role is `admin`',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'api_key', {
    type: 'http',
    scheme: 'bearer',
    description: 'A key of a chatbot: `parley_sk_…`, or `parley_pk_…` in a browser',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'password', {
    type: 'oauth2',
    flows: { password: { tokenUrl: '/api/v1/auth/token', scopes: {} } },
  })
  for (const [name, description] of Object.entries(HEADERS)) {
    app.openAPIRegistry.registerComponent('headers', name, {
      description,
      schema: { type: 'string', maxLength: 2_000 },
    })
  }
  for (const [name, schema] of Object.entries(RUN_EVENTS)) app.openAPIRegistry.register(name, schema)

  const documents = { '/openapi.json': () => describeApi(app), '/asyncapi.json': describeSockets }
  for (const [path, describe] of Object.entries(documents)) {
    let document: string | undefined
    app.get(path, (c) => {
      // Made when first asked for: at start-up it would cost every isolate.
      document ??= JSON.stringify(describe())
      return c.body(document, 200, { 'content-type': 'application/json; charset=utf-8' })
    })
  }

  const page = (html: string) => () =>
    new Response(html, {
      headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': docsPolicy },
    })
  app.get('/docs', page(swaggerPage))
  app.get('/redoc', page(redocPage))
  app.get('/', (c) => {
    c.header('vary', 'Accept')
    // Of all that asks, browsers alone prefer a page.
    if (/\btext\/html\b/.test(c.req.header('accept') ?? '')) return c.redirect('/app')
    return c.json({
      name: 'Parley',
      message: 'Welcome to Parley, a chat backend for people and models.',
      console: '/app',
      docs: '/docs',
      redoc: '/redoc',
      openapi: '/openapi.json',
      asyncapi: '/asyncapi.json',
      health: '/health',
    })
  })
}

/** The OpenAPI document of all that is mounted. */
export const describeApi = (app: OpenAPIHono<AppEnv>) =>
  app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Parley', version: '1', description: DESCRIPTION, license: MIT },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  })
