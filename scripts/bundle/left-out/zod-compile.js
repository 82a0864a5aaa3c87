// Stands in for zod's compiler of schemas (scripts/bundle/build.ts): it makes functions out of text, which Workers forbid.
export const INVALID = Symbol.for('zod.compile.invalid')
export const compile = (schema) => schema
export const withParser = compile
export class ZodCompileAsyncError extends Error {}
export class ZodCompileUnsupportedError extends Error {}
