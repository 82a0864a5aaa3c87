import { useRef, useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { Icon } from '../../ui/icon.tsx'
import { Failed } from '../../ui/states.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { useLoad } from '../../ui/use-load.ts'

const MAX = 10

/** The files that a chatbot knows. They are uploaded here, and are its own once the form is saved. */
export function Knowledge({ ids, onChange }: { ids: string[]; onChange: (ids: string[]) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const [isBusy, setBusy] = useState(false)
  const add = async (chosen: File[]) => {
    setBusy(true)
    const added: string[] = []
    try {
      for (const file of chosen) added.push(await upload(file))
    } catch (error) {
      tellFault(error)
    }
    onChange([...ids, ...added])
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
              onClick={() => onChange(ids.filter((other) => other !== id))}
            >
              <Icon name="remove" />
            </button>
          </li>
        ))}
      </ul>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={async ({ currentTarget: chooser }) => {
          await add([...(chooser.files ?? [])])
          // So that the same file can be chosen again.
          chooser.value = ''
        }}
      />
      <p>
        <button type="button" disabled={isBusy || ids.length >= MAX} onClick={() => input.current?.click()}>
          {isBusy ? <span class="spinner" aria-hidden="true" /> : <Icon name="attach" />} Add files
        </button>
      </p>
    </fieldset>
  )
}

/** @throws Problem */
async function upload(file: File): Promise<string> {
  const params = { query: { filename: file.name } }
  const sent = { params, body: file as unknown as string, bodySerializer: () => file }
  return (await ok(api.PUT('/api/v1/upload', { ...sent, headers: { 'content-type': 'application/octet-stream' } }))).id
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
