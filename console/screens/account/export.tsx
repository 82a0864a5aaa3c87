import { useState } from 'preact/hooks'
import { Icon } from '../../ui/icon.tsx'
import { saveExport } from '../../ui/save-export.ts'
import { tell, tellFault } from '../../ui/toasts.tsx'

/** Everything that is held about the user, as a file of theirs. */
export function Export() {
  const [isBusy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    try {
      await saveExport('/api/v1/users/me/export', 'parley-export.ndjson')
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
