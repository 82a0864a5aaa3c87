import type { App } from '../../../http/create-app.ts'
import { HEADERS } from '../../../http/openapi.ts'
import { describeSockets } from '../../sockets/schemas/asyncapi.ts'
import { docsPolicy, redocPage, swaggerPage } from './docs-pages.ts'

const DESCRIPTION = `A chat backend for people and models: AI replies that survive any disconnect.

A reply is a **run**. Ask for it with \`Accept: text/event-stream\`, and if the connection is lost come back to
\`GET /api/v1/runs/{id}/events\` with \`Last-Event-ID\`. Every error is a problem (RFC 9457) with a stable \`code\`.
Answers come in an envelope \`{code, message, data}\` with \`Prefer: envelope\`. WebSockets are described by \`/asyncapi.json\`.`

/** Schemes of security, by name: two for administrators alone, so that a reader of the document sees which those are. */
const TOKENS = {
  bearer: 'The access token of a session',
  admin: 'The access token of a user whose role is `admin`',
}
const SIGN_INS = {
  password: 'Signs in for a token like `bearer`',
  admin_password: 'Signs in for a token like `admin`',
}
const JWT = 'a JWT (RFC 9068) that is made and checked as RFC8725 says, and good for 30 minutes'

const MIT = { name: 'MIT', url: 'https://opensource.org/license/mit' }

const OPERATOR = { name: 'Whoever runs this server' }

const TAGS = {
  system: 'Whether the server is well',
  auth: 'Accounts, sessions and passwords',
  users: 'Who there is, and one’s own account',
  admin: 'Running the service',
  plans: 'What an account may use, and what it has used',
  projects: 'Conversations that belong together, with what they have in common',
  conversations: 'Conversations, which contract 2 calls chats',
  shares: 'Copies of conversations that whoever has the link can read',
  messages: 'What was said, and asking for a reply',
  files: 'Uploads, at once or in pieces, and what was uploaded',
  channels: 'Conversations of people: members, messages, and what is unread',
  sockets: 'Channels in real time; /asyncapi.json says what is said there',
  chatbots: 'Models of one’s own: instructions, files, and where they run',
  'api-keys': 'What opens a chatbot to clients of OpenAI’s API',
  gateway: 'Chatbots as models, for any client of OpenAI’s API',
  runs: 'Replies while they are made: watch, resume, stop',
}

/** The welcome, the OpenAPI document with its two readers, and the AsyncAPI document. They are in neither of the two. */
export function documentApi(app: App, wholeApp: () => Promise<App>): void {
  for (const [name, description] of Object.entries(TOKENS)) {
    app.openAPIRegistry.registerComponent('securitySchemes', name, {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: `${description}: ${JWT}`,
    })
  }
  for (const [name, description] of Object.entries(SIGN_INS)) {
    app.openAPIRegistry.registerComponent('securitySchemes', name, {
      type: 'oauth2',
      flows: { password: { tokenUrl: '/api/v1/auth/token', refreshUrl: '/api/v1/auth/refresh', scopes: {} } },
      description: `${description}: ${JWT}`,
    })
  }
  app.openAPIRegistry.registerComponent('securitySchemes', 'api_key', {
    type: 'http',
    scheme: 'bearer',
    description: 'A key of a chatbot: `parley_sk_…`, or `parley_pk_…` in a browser',
  })
  for (const [name, { description, ...form }] of Object.entries(HEADERS)) {
    app.openAPIRegistry.registerComponent('headers', name, {
      description,
      schema: { type: 'string', maxLength: 2_000, ...form },
    })
  }

  const documents = {
    '/openapi.json': async () => describeApi(await wholeApp()),
    '/asyncapi.json': async () => describeSockets(),
  }
  for (const [path, describe] of Object.entries(documents)) {
    let document: string | undefined
    app.get(path, async (c) => {
      // Made when first asked for: at start-up it would cost every isolate.
      document ??= JSON.stringify(await describe())
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
export const describeApi = (app: App) =>
  app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Parley', version: '1', description: DESCRIPTION, license: MIT, contact: OPERATOR },
    servers: [{ url: '/', 'x-internal': false }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  })
