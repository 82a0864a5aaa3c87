import { useEffect, useState } from 'preact/hooks'
import type { Attachment } from '../../../clients/realtime/frames.ts'
import { Icon } from '../../ui/icon.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { download } from './upload.ts'

/** What a browser draws without running anything of it. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])
const MAX_PICTURE_BYTES = 4 * 1_048_576

/** The files of a message: small pictures are shown, all can be saved. */
export const Attachments = ({ files }: { files: Attachment[] }) =>
  files.length === 0 ? null : (
    <ul class="files">
      {files.map((file) => (
        <li key={file.id}>
          {PICTURES.has(file.mime_type) && file.file_size <= MAX_PICTURE_BYTES && <Picture file={file} />}
          <Save file={file} />
        </li>
      ))}
    </ul>
  )

function Picture({ file }: { file: Attachment }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    let made: string | undefined
    let isOver = false
    download(file.file_path).then(
      (blob) => {
        if (isOver) return
        made = URL.createObjectURL(blob)
        setUrl(made)
      },
      // It can still be saved, and that says why not.
      () => {},
    )
    return () => {
      isOver = true
      if (made) URL.revokeObjectURL(made)
    }
  }, [file.id])
  return url ? <img src={url} alt={file.filename} /> : null
}

function Save({ file }: { file: Attachment }) {
  const [isBusy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    try {
      const url = URL.createObjectURL(await download(file.file_path))
      const link = document.createElement('a')
      link.href = url
      link.download = file.filename
      link.click()
      // The browser has begun to save it by then.
      setTimeout(() => URL.revokeObjectURL(url), 10_000)
    } catch (error) {
      tellFault(error)
    }
    setBusy(false)
  }
  return (
    <button type="button" class="plain" disabled={isBusy} onClick={save} aria-label={`Save ${file.filename}`}>
      <Icon name="download" /> {file.filename}
    </button>
  )
}
