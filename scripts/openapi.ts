import { writeFileSync } from 'node:fs'
import { DOCUMENT, documentText, RELEASED, surfaceText } from './openapi/files.ts'

// npm run openapi: writes the document of the API anew. With `-- --release` also what clients may rely on from now on,
// against which breaking changes are looked for (docs/api.md).
writeFileSync(DOCUMENT, documentText())
if (process.argv.includes('--release')) writeFileSync(RELEASED, surfaceText())
