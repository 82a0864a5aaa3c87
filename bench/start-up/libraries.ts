import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { drizzle } from 'drizzle-orm/d1'
import { text } from 'drizzle-orm/sqlite-core'
import { SignJWT } from 'jose'
import OpenAI from 'openai'

// The libraries that Parley cannot start without, and one route.
const app = new OpenAPIHono()
const responses = { 200: { description: '', content: { 'application/json': { schema: z.object({}) } } } }
app.openapi(createRoute({ method: 'get', path: '/', responses }), (c) => c.json({}))
app.get('/names', (c) => c.json([OpenAI, SignJWT, drizzle, text].map(String)))

export default app
