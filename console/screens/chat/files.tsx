import { useEffect, useState } from 'preact/hooks'
import { authorizedFetch } from '../../api/client.ts'
import { messageOf as faultOf, problemOf } from '../../api/problem.ts'
import { Icon } from '../../ui/icon.tsx'
import { saveFile } from '../../ui/save-file.ts'
import { tellFault } from '../../ui/toasts.tsx'
import type { Attachment, Draft, Upload } from './draft.ts'

/** Pictures that the server gives as such. All else is only saved. */
const PICTURE = /^image\/(png|jpeg|gif|webp)$/
const MAX_PICTURE_BYTES = 10 * 2 ** 20

/** The files of a message. */
export const Attachments = ({ files }: { files: Attachment[] }) => (
  <ul class="files" aria-label="Files">
    {files.map((file) => (
      <li key={file.id}>
        {PICTURE.test(file.mime_type) && file.file_size <= MAX_PICTURE_BYTES && <Picture {...file} />}
        <button type="button" class="chip" onClick={() => save(file).catch(tellFault)}>
          <Icon name="download" />
          <span class="name">{file.filename}</span>
          <span class="quiet">{size(file.file_size)}</span>
        </button>
      </li>
    ))}
  </ul>
)

/** Fetched with the token, as nobody may see it without, and forgotten when it is shown no more. */
function Picture({ id, filename }: Attachment) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    let made: string | undefined
    let isGone = false
    content(id).then(
      (blob) => {
        if (isGone) return
        made = URL.createObjectURL(blob)
        setUrl(made)
      },
      // Its name is there, and saving it says why.
      () => {},
    )
    return () => {
      isGone = true
      if (made) URL.revokeObjectURL(made)
    }
  }, [id])
  return url ? <img class="picture" src={url} alt={filename} /> : <div class="picture" />
}

async function content(id: string): Promise<Blob> {
  const response = await authorizedFetch(new Request(`/api/v1/files/${id}/content`))
  if (!response.ok) throw await problemOf(response)
  return response.blob()
}

const save = async ({ id, filename }: Attachment) => saveFile(await content(id), filename)

/** The files of a draft, on their way. */
export const Uploads = ({ draft }: { draft: Draft }) => (
  <ul class="files" aria-label="Files to send">
    {draft.uploads.value.map((upload) => (
      <li key={upload.key} class={upload.error === undefined ? 'chip' : 'chip failed'}>
        <Icon name="attach" />
        <span class="name">{upload.name}</span>
        <State {...upload} />
        <button type="button" class="plain" aria-label={`Remove ${upload.name}`} onClick={() => draft.remove(upload)}>
          ×
        </button>
      </li>
    ))}
  </ul>
)

function State({ name, file, error, progress }: Upload) {
  if (error !== undefined) return <span role="alert">{faultOf(error)}</span>
  if (file) return <span class="quiet">{size(file.file_size)}</span>
  return <progress value={progress} aria-label={`Sending ${name}`} />
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

function size(bytes: number): string {
  const power = bytes < 1_000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3))
  const format = new Intl.NumberFormat(undefined, { style: 'unit', unit: UNITS[power], maximumFractionDigits: 1 })
  return format.format(bytes / 1_000 ** power)
}
