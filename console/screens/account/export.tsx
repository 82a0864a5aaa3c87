import { useState } from 'preact/hooks'
import { authorizedFetch } from '../../api/client.ts'
import { problemOf } from '../../api/problem.ts'
import { Icon } from '../../ui/icon.tsx'
import { saveFile } from '../../ui/save-file.ts'
import { tell, tellFault } from '../../ui/toasts.tsx'

/** Everything that is held about the user, as a file of theirs. */
export function Export() {
  const [isBusy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    try {
      saveFile(await download(), 'parley-export.ndjson')
      tell('Your export is in your downloads')
    } catch (error) {
      tellFault(error)
    }
    setBusy(false)
  }
  return (
    <section aria-labelledby="export">
      <h2 id="export">Export</h2>
      <p>
        Everything that is held about you, a JSON document a line: account, conversations, files by their names,
        chatbots, usage, and who looked at what.
      </p>
      <button type="button" disabled={isBusy} onClick={save}>
        {isBusy ? <span class="spinner" aria-hidden="true" /> : <Icon name="download" />} Export my data
      </button>
    </section>
  )
}

/** @throws Problem when it is refused, Error when it broke off: only its last line says that it is whole */
async function download(): Promise<Blob> {
  const response = await authorizedFetch(new Request('/api/v1/users/me/export'))
  if (!response.ok) throw await problemOf(response)
  const content = await response.blob()
  const last = (await content.slice(-1_000).text()).trim().split('\n').at(-1)!
  if (!last.startsWith('{"type":"end"')) throw new Error('The export broke off. Try again.')
  return content
}
