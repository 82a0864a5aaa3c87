import type { RouteConfig } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Config } from '../env.ts'
import { shapeFault } from '../lib/json-shape.ts'
import type { AppEnv } from './context.ts'
import { AppError, invalid } from './errors.ts'

type Body = NonNullable<NonNullable<RouteConfig['request']>['body']>

/** What a body may have at most, and what is said of one that has more. */
export type BodyBound = { bytes: number; detail: string }

const BOUND: BodyBound = { bytes: 256 * 1024, detail: `The body may have ${256 * 1024} bytes at most` }

/** A prompt may be long, and has its pictures in it. */
const LARGE_NODES = 100_000
const largeBound = ({ GATEWAY_BODY_BYTES: bytes }: Config): BodyBound => ({
  bytes,
  detail: `The body may have ${bytes} bytes at most`,
})

/**
 * Reads a body of a declared media type once, counted, decoded strictly and bounded in shape, and leaves it where
 * validators look for it. It runs after the guard, so that nobody without a token makes us read.
 */
export const readBody = (body: Body, isLarge = false) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { text, type } = await readText(c, body, isLarge ? largeBound(c.get('config')) : BOUND)
    const isJson = type === 'application/json'
    // An optional body that is not there is an empty one.
    const given = text === '' && isJson ? '{}' : text
    const fault = shapeFault(
      isJson ? parse(given) : Object.fromEntries(new URLSearchParams(given)),
      isLarge ? LARGE_NODES : undefined,
    )
    if (fault) throw invalid([fault])
    keep(c, given)
    return next()
  })

/** Reads a body as a text of which the handler makes what it can, and bounds the shape. */
export const readFile = (body: Body, bound: BodyBound) =>
  createMiddleware(async (c, next) => {
    keep(c, (await readText(c, body, bound)).text)
    return next()
  })

/** Leaves a text where `c.req` looks for it. What Hono keeps there are promises, whatever its types say. */
function keep(c: Context, text: string): void {
  const cache = c.req.bodyCache as Record<string, Promise<unknown>>
  cache.text = Promise.resolve(text)
}

async function readText(c: Context, { content, required }: Body, bound: BodyBound) {
  // One that says beforehand that it is too large is not read at all.
  if (Number(c.req.header('content-length') ?? 0) > bound.bytes) throw new AppError('too_large', bound.detail)
  const bytes = c.req.raw.body ? await readBounded(c.req.raw.body, bound) : new Uint8Array()
  if (bytes.length === 0 && required) throw new AppError('bad_request', 'A body is required')
  const type = mediaType(c.req.header('content-type'))
  if (bytes.length > 0 && !Object.hasOwn(content, type)) {
    throw new AppError('unsupported_media_type', `Send ${Object.keys(content).join(' or ')} in UTF-8`)
  }
  return { text: decode(bytes), type }
}

/** The bare media type; with a charset other than UTF-8 it is another one. */
function mediaType(header = ''): string {
  const [type, ...parameters] = header.toLowerCase().split(';')
  const charset = parameters.map((each) => /^\s*charset="?([^"\s]*)/.exec(each)?.[1]).find(Boolean)
  return charset === undefined || charset === 'utf-8' ? type!.trim() : header
}

async function readBounded(body: ReadableStream<Uint8Array>, { bytes, detail }: BodyBound): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.byteLength
      if (size > bytes) throw new AppError('too_large', detail)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('bad_request', 'The body broke off')
  }
  if (chunks.length === 1) return chunks[0]!
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new AppError('bad_request', 'The body is not valid UTF-8')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the body, so it goes nowhere.
    throw new AppError('bad_request', 'The body is not valid JSON')
  }
}
