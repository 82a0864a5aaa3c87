import { AsyncButton } from '../../ui/async-button.tsx'
import { Icon } from '../../ui/icon.tsx'
import { saveExport } from '../../ui/save-export.ts'
import { tell } from '../../ui/toasts.tsx'

/** Everything that is held about the user, as a file of theirs. */
export function Export() {
  const save = async () => {
    await saveExport('/api/v1/users/me/export', 'parley-export.ndjson')
    tell('Your export is in your downloads')
  }
  return (
    <section aria-labelledby="export">
      <h2 id="export">Export</h2>
      <p>
        Everything that is held about you, a JSON document a line: account, conversations, files by their names,
        chatbots, usage, and who looked at what.
      </p>
      <AsyncButton act={save}>
        <Icon name="download" /> Export my data
      </AsyncButton>
    </section>
  )
}
