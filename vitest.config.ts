import { randomBytes } from 'node:crypto'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { boundedPdfjs } from './scripts/bundle/bounded-pdfjs.ts'
import { freePort } from './scripts/local-server.ts'

/** One for all projects: the fake provider, the resolver and the mail server listen where the Worker under test is told to look. */
const upstreamPort = await freePort()
const mailPort = await freePort()
const dnsPort = await freePort()
const mailKey = 'test-mail-key'

// wrangler.toml asks for it; from here it reaches the Worker under test.
process.env.JWT_SECRET = `${crypto.randomUUID()}${crypto.randomUUID()}`
const encryptionKey = randomBytes(32).toString('base64url')

const workerWith = (d1Databases: Record<string, string> = {}) =>
  cloudflareTest(async () => ({
    // Not what is built of it.
    main: './src/index.ts',
    wrangler: { configPath: './wrangler.toml' },
    miniflare: {
      d1Databases,
      analyticsEngineDatasets: { ANALYTICS: { dataset: 'parley' } },
      bindings: {
        TEST_MIGRATIONS: await readD1Migrations('./migrations'),
        // The real cost takes a quarter of a second each.
        PASSWORD_COST: '4',
        CORS_ORIGINS: 'https://chat.example.com',
        ENCRYPTION_KEY: encryptionKey,
        OPENAI_BASE_URL: `http://127.0.0.1:${upstreamPort}/v1`,
        OPENAI_API_KEY: 'test-key',
        WEB_SEARCH_URL: `http://127.0.0.1:${upstreamPort}/search`,
        WEB_SEARCH_KEY: 'search-key',
        DNS_OVER_HTTPS_URL: `http://127.0.0.1:${dnsPort}/dns-query`,
        MAIL_FROM: 'Parley <parley@example.com>',
        RESEND_BASE_URL: `http://127.0.0.1:${mailPort}`,
        RESEND_API_KEY: mailKey,
        OFFLINE_TOKEN_MS: '0',
        // An event per token, so that a stream can be cut at each.
        RUN_FLUSH_MS: '0',
        // Short, so that a test can wait for them; long enough for a busy machine.
        UPSTREAM_HEADERS_MS: '2000',
        UPSTREAM_FIRST_TOKEN_MS: '2000',
        UPSTREAM_IDLE_MS: '2000',
        TOOL_MS: '1000',
        FILE_TEXT_WAIT_MS: '5000',
        HEARTBEAT_MS: '200',
        JSON_WAIT_MS: '5000',
        UPSTREAM_TRIES: '2',
        DISCONNECT_CANCEL_MS: '300',
        ALARM_MS: '1000',
        // Speed is measured with one, correctness tested with several.
        SOCKET_SHARDS: '3',
      },
    },
  }))

/** What both projects that run in the Worker have in common. */
const inWorker = {
  globalSetup: ['./test/support/upstream-setup.ts'],
  setupFiles: ['./test/support/setup.ts'],
  disableConsoleIntercept: true,
  provide: { upstreamPort, mailPort, dnsPort, mailKey },
  testTimeout: 20_000,
  // What a file of hundreds of thousands of rows wrote is looked through after it.
  hookTimeout: 60_000,
}

// `--mode long` is the long form of the fault tests (docs/faults.md).
export default defineConfig(({ mode }) => ({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/lib/**/*.test.ts', 'test/*.test.ts'] } },
      {
        plugins: [boundedPdfjs, workerWith()],
        test: { ...inWorker, name: 'worker', include: ['test/features/**/*.test.ts'] },
      },
      {
        plugins: [boundedPdfjs, workerWith({ DB_1: 'cell-1' })],
        test: { ...inWorker, name: 'cells', include: ['test/cells/**/*.test.ts'] },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['./test/support/migrated-state.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Two files of them share two cores.
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: { name: 'contract', include: ['test/contract/**/*.test.ts'], globalSetup: ['./test/contract/setup.ts'] },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['./test/support/migrated-state.ts', './test/faults/support/built-worker.ts'],
          provide: { isLongForm: mode === 'long' },
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // What each takes of the machine is measured, or bounded in time.
          fileParallelism: false,
        },
      },
    ],
  },
}))
