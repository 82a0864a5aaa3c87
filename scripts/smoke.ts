import { Refusal, runCommand } from './command-line.ts'
import { smokeTest } from './smoke/smoke-test.ts'

const USAGE = `Tries a running Parley as a client would: pages, a new account, a streamed reply and its resume, a message in a channel.

  npm run smoke -- https://parley.example.workers.dev

It makes an account of its own and deletes it at the end, whatever happened. The reply is asked of the default model: one of a
provider costs a few tokens.`

await runCommand(USAGE, async () => {
  const [given, ...rest] = process.argv.slice(2)
  const url = URL.parse(given ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || rest.length > 0) {
    throw new Refusal('Say where it runs, and nothing else: npm run smoke -- https://parley.example.workers.dev')
  }
  if (!(await smokeTest(url.origin))) process.exitCode = 1
})
