import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { wholeApp } from '../src/app.ts'
import { describeApi } from '../src/features/system/routes/document.ts'
import { typesOf } from './openapi/clients.ts'

// The types of the API that the console is written against, from the document that the server gives. They are never
// committed, so they are never old.
writeFileSync(join(import.meta.dirname, '../console/api/schema.d.ts'), await typesOf(describeApi(await wholeApp())))
