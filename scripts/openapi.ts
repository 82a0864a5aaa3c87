import { app } from '../src/app.ts'
import { describeApi } from '../src/features/system/routes/document.ts'

// npm run --silent openapi > openapi.json: the document that a running server gives at /openapi.json.
process.stdout.write(`${JSON.stringify(describeApi(app), null, 2)}\n`)
