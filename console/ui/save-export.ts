import { download } from '../api/files.ts'
import { saveFile } from './save-file.ts'

const END_BYTES = 10_000

/**
 * Saves what an export gives, a JSON document a line.
 * @throws Problem when it is refused, Error when it broke off: only its last line says that it is whole
 */
export async function saveExport(path: string, name: string): Promise<void> {
  const content = await download(path)
  const last = (await content.slice(-END_BYTES).text()).trimEnd().split('\n').at(-1)!
  if (!last.startsWith('{"type":"end"')) throw new Error('The export broke off. Try again.')
  saveFile(content, name)
}
