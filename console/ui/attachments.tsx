import { useEffect, useState } from 'preact/hooks'
import { download } from '../api/files.ts'
import { AsyncButton } from './async-button.tsx'
import { Icon } from './icon.tsx'
import { bytes } from './numbers.ts'
import { saveFile } from './save-file.ts'
import type { Attachment } from './uploads.ts'

/** Pictures that the server gives as such. All else is only saved. */
const PICTURE = /^image\/(png|jpeg|gif|webp)$/
const MAX_PICTURE_BYTES = 10 * 2 ** 20

/** The files of a message: pictures are shown, all can be saved. */
export const Attachments = ({ files }: { files: Attachment[] }) =>
  files.length > 0 && (
    <ul class="files" aria-label="Files">
      {files.map((file) => (
        <li key={file.id}>
          {PICTURE.test(file.mime_type) && file.file_size <= MAX_PICTURE_BYTES && <Picture {...file} />}
          <AsyncButton class="chip" act={() => save(file)}>
            <Icon name="download" />
            <span class="visually-hidden">Save </span>
            <span class="name">{file.filename}</span>
            <span class="quiet">{bytes(file.file_size)}</span>
          </AsyncButton>
        </li>
      ))}
    </ul>
  )

const save = async ({ file_path, filename }: Attachment) => saveFile(await download(file_path), filename)

/** Fetched with the token, as nobody may see it without, and forgotten when it is shown no more. */
function Picture({ file_path, filename }: Attachment) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    let made: string | undefined
    let isGone = false
    download(file_path).then(
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
  }, [file_path])
  return url ? <img class="picture" src={url} alt={filename} /> : <div class="picture" />
}
