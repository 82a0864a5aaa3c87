import type { runWrangler } from '../local-server.ts'

export type Wrangler = (args: string[]) => ReturnType<typeof runWrangler>

/** wrangler did not do what it was asked for. `output` is what it said. */
export class WranglerFailure extends Error {
  readonly output: string

  constructor(args: string[], output: string) {
    super(`wrangler ${args.slice(0, 3).join(' ')} failed`)
    this.name = 'WranglerFailure'
    this.output = output
  }
}

/** What wrangler prints. @throws WranglerFailure */
export async function must(wrangler: Wrangler, args: string[]): Promise<string> {
  const { ok, stdout, output } = await wrangler(args)
  if (!ok) throw new WranglerFailure(args, output)
  return stdout
}

/** The JSON in what wrangler prints: notes and warnings may stand before it. */
export const jsonIn = <T>(stdout: string): T => JSON.parse(stdout.slice(Math.max(0, stdout.search(/^[[{]/m))))
