import { describe } from 'vitest'
// Here, so that it is there for all of them.
import './gateway/server.ts'

// What each client of OpenAI's API sees, as its users have it; all at one server, for whose start each file of tests would wait. One
// kind alone: npm test -- gateway.test.ts -t LangChain
const CLIENTS = {
  'openai, its answers': () => import('./gateway/openai-answers.ts'),
  'openai, when something breaks': () => import('./gateway/openai-faults.ts'),
  LangChain: () => import('./gateway/langchain.ts'),
  'AI SDK': () => import('./gateway/ai-sdk.ts'),
  'no client': () => import('./gateway/http.ts'),
}

// Most of it is waiting.
for (const [name, register] of Object.entries(CLIENTS)) describe.concurrent(name, async () => void (await register()))
