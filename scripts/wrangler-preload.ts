import type { Socket } from 'node:net'

// Loaded into wrangler's process before its own code (`node --import`), by local-server.ts. Threads and processes that
// wrangler starts load it too; they no longer see PARLEY_VARS.
const given = process.env.PARLEY_VARS
delete process.env.PARLEY_VARS

if (given !== undefined) {
  // `wrangler dev` takes variables from the command line, which everybody on the machine can read, or from `.dev.vars`,
  // of which it drops what wrangler.toml does not list. So they travel in the environment and become arguments here:
  // right after `dev`, so that a `--var` of the user comes later and wins.
  const vars: [string, string][] = Object.entries(JSON.parse(given))
  process.argv.splice(3, 0, ...vars.flatMap(([name, value]) => ['--var', `${name}:${value}`]))

  // Whatever ended the process that started this one, even a SIGKILL, closed the pipe: no server is left behind.
  process.stdin.once('end', endGroup).resume()
  // Not by itself a reason to stay alive.
  ;(process.stdin as unknown as Socket).unref()
}

function endGroup(): void {
  process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL')
}
