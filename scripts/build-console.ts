import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build, mergeConfig, type Rolldown } from 'vite'
import config from '../console/vite.config.ts'

// The web app into public/app, from where the Worker serves it. wrangler runs this before dev and deploy. What is there already
// is not written again: another server may be serving it.
const folder = join(import.meta.dirname, '../public/app')
// Read from a file, its configuration would be written beside it for a moment: whoever watches that folder would build again.
const quiet = mergeConfig(config, { configFile: false, build: { write: false } })
const { output } = (await build(quiet)) as Rolldown.RolldownOutput

for (const file of output) {
  const content = Buffer.from(file.type === 'chunk' ? file.code : file.source)
  const path = join(folder, file.fileName)
  if (readIfThere(path)?.equals(content)) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}
const names = new Set(output.map(({ fileName }) => fileName))
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name)
  if (entry.isFile() && !names.has(path.slice(folder.length + 1))) rmSync(path)
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
