import type { RouteConfig } from '@hono/zod-openapi'
import { createMiddleware } from 'hono/factory'
import { shapeFault } from '../lib/json-shape.ts'
import { AppError, invalid } from './errors.ts'

/** Bytes of a JSON or form body. */
const MAX_BODY_BYTES = 256 * 1024

/**
 * Reads a body of a declared media type once, counted, decoded strictly and bounded in shape, and leaves it where
 * validators look for it. It runs after the guard, so that nobody without a token makes us read.
 */
export const readBody = ({ content, required }: NonNullable<NonNullable<RouteConfig['request']>['body']>) =>
  createMiddleware(async (c, next) => {
    // One that says beforehand that it is too large is not read at all.
    if (Number(c.req.header('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
    const bytes = c.req.raw.body ? await readBounded(c.req.raw.body) : new Uint8Array()
    if (bytes.length === 0 && required) throw new AppError('bad_request', 'A body is required')
    const type = mediaType(c.req.header('content-type'))
    if (bytes.length > 0 && !Object.hasOwn(content, type)) {
      throw new AppError('unsupported_media_type', `Send ${Object.keys(content).join(' or ')} in UTF-8`)
    }
    const isJson = type === 'application/json'
    // An optional body that is not there is an empty one.
    const text = bytes.length === 0 && isJson ? '{}' : decode(bytes)
    const fault = shapeFault(isJson ? parse(text) : Object.fromEntries(new URLSearchParams(text)))
    if (fault) throw invalid([fault])
    // What Hono keeps there are promises, whatever its types say.
    const cache = c.req.bodyCache as Record<string, Promise<unknown>>
    cache.text = Promise.resolve(text)
    return next()
  })

/** The bare media type; with a charset other than UTF-8 it is another one. */
function mediaType(header = ''): string {
  const [type, ...parameters] = header.toLowerCase().split(';')
  const charset = parameters.map((each) => /^\s*charset="?([^"\s]*)/.exec(each)?.[1]).find(Boolean)
  return charset === undefined || charset === 'utf-8' ? type!.trim() : header
}

const tooLarge = () => new AppError('too_large', `The body may have ${MAX_BODY_BYTES} bytes at most`)

async function readBounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.byteLength
      if (size > MAX_BODY_BYTES) throw tooLarge()
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
