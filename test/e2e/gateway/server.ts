import { afterAll, beforeAll } from 'vitest'
import { startGateway, type TestGateway } from '../../support/gateway.ts'

/** How long a request without a stream waits for its answer. */
export const JSON_WAIT_MS = 3_000

/** The server of all files beside this one, once the first test runs. */
export const parley = {} as TestGateway

beforeAll(async () => {
  Object.assign(parley, await startGateway({ GATEWAY_JSON_WAIT_MS: String(JSON_WAIT_MS) }))
})

afterAll(() => parley.close())
