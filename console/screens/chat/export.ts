import { authorizedFetch } from '../../api/client.ts'
import { problemOf } from '../../api/problem.ts'
import { saveFile } from '../../ui/save-file.ts'

const END_BYTES = 10_000

/** Saves a conversation with all its branches, or everything. @throws Problem, and Error when not all of it came */
export async function saveExport(conversationId?: string): Promise<void> {
  const query = conversationId === undefined ? '' : `?conversation_id=${conversationId}`
  const response = await authorizedFetch(new Request(`/api/v1/export${query}`))
  if (!response.ok) throw await problemOf(response)
  const blob = await response.blob()
  const end = (await blob.slice(-END_BYTES).text()).trimEnd().split('\n').at(-1)!
  if (!end.startsWith('{"type":"end"')) throw new Error('The export broke off. Try again.')
  saveFile(blob, conversationId === undefined ? 'parley.ndjson' : `parley-${conversationId}.ndjson`)
}
