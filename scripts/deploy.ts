import { readOptions, runCommand } from './command-line.ts'
import { deploy } from './deploy/deploy.ts'
import { runWrangler } from './local-server.ts'

const USAGE = `Puts Parley into the Cloudflare account that wrangler is signed in to, as wrangler.toml describes it.

  npm run deploy [-- options]

  --dry-run         shows what it would do, and changes nothing
  --realtime        channels and sockets as well, in a Worker of their own from then on (docs/deploy.md)
  --url URL         where it runs, if wrangler does not say: behind a route, or without workers.dev
  --help            this

It makes what is missing (database, namespace, bucket, secrets), migrates the database, deploys, and tries the result as a client
would. What is there already stays, so it can be run again at any time. JWT_SECRET and ENCRYPTION_KEY are made at random, unless the
environment has them: whoever wants to change ENCRYPTION_KEY one day must know it.`

await runCommand(USAGE, async () => {
  const given = readOptions({ 'dry-run': { type: 'boolean' }, realtime: { type: 'boolean' }, url: { type: 'string' } })
  const options = { isDryRun: given['dry-run'] ?? false, realtime: given.realtime ?? false, url: given.url }
  if (!(await deploy(options, { wrangler: runWrangler, say: console.log }))) process.exitCode = 1
})
