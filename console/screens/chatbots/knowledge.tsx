import { useEffect, useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { upload } from '../../api/files.ts'
import { ChooseFiles } from '../../ui/choose-files.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Failed } from '../../ui/states.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { fitting, MAX_FILES } from '../../ui/uploads.ts'
import { useLoad } from '../../ui/use-load.ts'

type Props = { ids: string[]; onChange: (change: (ids: string[]) => string[]) => void }

/** The files that a chatbot knows. They are uploaded here, and are its own once the form is saved. */
export function Knowledge({ ids, onChange }: Props) {
  const [isBusy, setBusy] = useState(false)
  const [open] = useState(() => new AbortController())
  useEffect(() => () => open.abort(), [])
  const add = async (files: File[]) => {
    setBusy(true)
    try {
      for (const file of fitting(files, ids.length)) {
        const { id } = await upload(file, crypto.randomUUID(), undefined, open.signal)
        // Others may have been removed meanwhile.
        onChange((now) => [...now, id])
      }
    } catch (error) {
      // Who has left hears nothing of what they called off by it.
      if (!open.signal.aborted) tellFault(error)
    }
    setBusy(false)
  }
  return (
    <fieldset>
      <legend>What it knows</legend>
      {ids.length === 0 && <p class="quiet">No files. What is in them is told to the model with each question.</p>}
      <ul class="list">
        {ids.map((id) => (
          <li key={id} class="row">
            <FileName id={id} />
            <button
              type="button"
              class="plain"
              aria-label="Remove the file"
              onClick={() => onChange((now) => now.filter((other) => other !== id))}
            >
              <Icon name="remove" />
            </button>
          </li>
        ))}
      </ul>
      <p>
        <ChooseFiles disabled={isBusy || ids.length >= MAX_FILES} aria-busy={isBusy} onChoose={add}>
          <Icon name="attach" /> Add files
        </ChooseFiles>
      </p>
    </fieldset>
  )
}

function FileName({ id }: { id: string }) {
  const { data, error, reload } = useLoad(() => ok(api.GET('/api/v1/files/{id}', { params: { path: { id } } })), [id])
  if (error !== undefined) return <Failed error={error} retry={reload} />
  return (
    <span class="grow">
      {data?.filename ?? '…'} {data?.text_status === 'processing' && <span class="mark">being read</span>}
      {data?.text_status === 'failed' && <span class="mark fault">cannot be read</span>}
    </span>
  )
}
