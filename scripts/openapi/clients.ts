import { createRequire, registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

type OpenApiTypescript = {
  default: (document: object, options: { defaultNonNullable: boolean }) => Promise<object[]>
  astToString: (types: object[]) => string
}

// Both generators need a TypeScript that has an interface for programs, which the console has for them.
const withTypeScript5 = join(import.meta.dirname, '../../console/package.json')

/** The types of a document, by openapi-typescript. */
export async function typesOf(document: object): Promise<string> {
  const { default: generate, astToString } = createRequire(withTypeScript5)('openapi-typescript') as OpenApiTypescript
  // What has a default need not be sent.
  return astToString(await generate(document, { defaultNonNullable: false }))
}

/** Writes a client for the document in the file `input` to `folder`, by @hey-api/openapi-ts. */
export async function writeHeyApiClient(input: string, folder: string): Promise<void> {
  const parentURL = pathToFileURL(withTypeScript5).href
  const hooks = registerHooks({
    resolve: (name, context, next) => next(name, name === 'typescript' ? { ...context, parentURL } : context),
  })
  const { createClient } = await import('@hey-api/openapi-ts')
  hooks.deregister()
  await createClient({
    input,
    output: folder,
    plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
    logs: { level: 'silent' },
  })
}
