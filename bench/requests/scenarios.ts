import { promptOf } from '../gateway/prompts.ts'

/** A request that is made again and again; `{any}` is one of the conversations that were made for it. */
export type Ask = {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  headers?: Record<string, string>
  body?: string
  status: number
  /** What an answer must have in it to be whole. */
  has?: string
  /** With it the first word has come. */
  firstWord?: string
}

export type Scenario = {
  name: string
  title: string
  parley: Ask
  /** What a bare Worker does instead. */
  bare?: Ask
  /** The most that the median may be of that of the bare Worker (docs of the numbers: README.md). */
  bound?: number
  /** A short one: within a round the two take turns this often, as a machine has quicker and slower seconds. */
  turns?: number
}

/** What the requests are about, in a Parley that has been filled for them. */
export type Place = {
  conversation: string
  file: string
  run: string
  username: string
  password: string
  /** Of a chatbot. */
  key: string
}

const SHORT_TURNS = 5
const FILE_BYTES = 65_536
const JSON_TYPE = { 'content-type': 'application/json' }
const EVENTS = { ...JSON_TYPE, accept: 'text/event-stream' }
const RANGE = { range: 'bytes=0-65535' }

const say = (isPaced: boolean) => JSON.stringify({ content: promptOf(isPaced) })
const bareReply = (isPaced: boolean): Ask => ({
  method: 'POST',
  path: '/reply',
  headers: JSON_TYPE,
  body: say(isPaced),
  status: 200,
  has: '[DONE]',
  firstWord: '"content":"word',
})
const streamed = (isPaced: boolean): Ask => ({
  method: 'POST',
  path: '/api/v1/conversations/{any}/messages',
  headers: EVENTS,
  body: say(isPaced),
  status: 200,
  has: 'event: run.completed',
  firstWord: 'event: message.delta',
})

const completion = (key: string, fields: object): Ask => ({
  method: 'POST',
  path: '/v1/chat/completions',
  headers: { ...JSON_TYPE, authorization: `Bearer ${key}` },
  body: JSON.stringify({
    model: 'default',
    stream: true,
    messages: [{ role: 'user', content: promptOf(true) }],
    ...fields,
  }),
  status: 200,
  has: '[DONE]',
  firstWord: '"content":"word',
})

export const scenariosOf = ({ conversation, file, run, username, password, key }: Place): Scenario[] => [
  {
    name: 'health',
    title: 'health',
    parley: { method: 'GET', path: '/api/v1/health', status: 200 },
    bare: { method: 'GET', path: '/health', status: 200 },
    turns: SHORT_TURNS,
  },
  {
    name: 'list',
    title: 'list of 20 conversations',
    parley: { method: 'GET', path: '/api/v1/conversations', status: 200 },
    bare: { method: 'GET', path: '/list', status: 200 },
    bound: 1.5,
    turns: SHORT_TURNS,
  },
  {
    name: 'read',
    title: 'one conversation with 2 messages',
    parley: { method: 'GET', path: `/api/v1/conversations/${conversation}`, status: 200 },
    bare: { method: 'GET', path: '/one', status: 200 },
    turns: SHORT_TURNS,
  },
  {
    name: 'login',
    title: 'sign-in, with a password of cost 4',
    parley: {
      method: 'POST',
      path: '/api/v1/auth/login',
      headers: JSON_TYPE,
      body: JSON.stringify({ username, password }),
      status: 200,
    },
  },
  {
    name: 'reply',
    title: 'reply of 50 words at once, as JSON',
    parley: {
      method: 'POST',
      path: '/api/v1/conversations/{any}/messages',
      headers: JSON_TYPE,
      body: say(false),
      status: 201,
      has: '"completed"',
    },
    bare: bareReply(false),
  },
  { name: 'stream', title: 'reply of 50 words at once, streamed', parley: streamed(false), bare: bareReply(false) },
  {
    name: 'stream-paced',
    title: 'reply of 50 words, 5 ms before each, streamed',
    parley: streamed(true),
    bare: bareReply(true),
    bound: 3,
  },
  {
    name: 'gateway',
    title: 'the same through /v1, stored',
    parley: completion(key, {}),
    bare: bareReply(true),
    bound: 3,
  },
  {
    name: 'gateway-short',
    title: 'the same through /v1, `"store": false`',
    parley: completion(key, { store: false }),
    bare: bareReply(true),
    bound: 1.5,
  },
  {
    name: 'resume',
    title: 'a reply from its log',
    parley: {
      method: 'GET',
      path: `/api/v1/runs/${run}/events`,
      headers: { accept: 'text/event-stream' },
      status: 200,
      has: 'event: run.completed',
      firstWord: 'event: message.delta',
    },
  },
  {
    name: 'upload',
    title: 'upload of 64 KiB',
    parley: {
      method: 'PUT',
      path: '/api/v1/upload?filename=bench.txt',
      body: 'x'.repeat(FILE_BYTES),
      headers: { 'content-type': 'text/plain' },
      status: 201,
    },
    bare: { method: 'PUT', path: '/file', body: 'x'.repeat(FILE_BYTES), status: 201 },
  },
  {
    name: 'download',
    title: 'download of 64 KiB of 1 MiB',
    parley: { method: 'GET', path: `/api/v1/files/${file}/content`, headers: RANGE, status: 206 },
    bare: { method: 'GET', path: '/file', headers: RANGE, status: 206 },
  },
]
