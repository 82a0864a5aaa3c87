import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { app } from '../src/app.ts'
import { describeApi } from '../src/features/system/routes/document.ts'

type Generator = {
  default: (document: object, options: { defaultNonNullable: boolean }) => Promise<object[]>
  astToString: (types: object[]) => string
}

// The types of the API that the console is written against, from the document that the server gives. They are never
// committed, so they are never old.
const folder = join(import.meta.dirname, '../console')
// It needs a TypeScript that has an interface for programs, which is installed for it alone.
const { default: generate, astToString } = createRequire(join(folder, 'package.json'))(
  'openapi-typescript',
) as Generator
// What has a default need not be sent.
const types = await generate(describeApi(app) as object, { defaultNonNullable: false })
writeFileSync(join(folder, 'api/schema.d.ts'), astToString(types))
