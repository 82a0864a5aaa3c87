import { join } from 'node:path'
import { build } from 'esbuild'

const SOURCE = join(import.meta.dirname, 'failing-bindings.ts')

/**
 * The module that stands before a built Worker and lets its bindings fail. The Worker itself stays what is deployed: it is imported
 * as it was built.
 */
export async function failingEntry(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [SOURCE],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    plugins: [
      {
        name: 'as it was built',
        setup: ({ onResolve }) =>
          onResolve({ filter: /src\/index\.ts$/ }, () => ({ path: './index.mjs', external: true })),
      },
    ],
  })
  return outputFiles[0]!.text
}
