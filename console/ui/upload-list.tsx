import { messageOf } from '../api/problem.ts'
import { ChooseFiles } from './choose-files.tsx'
import { Icon } from './icon.tsx'
import { bytes } from './numbers.ts'
import { MAX_FILES, type Upload, type Uploads } from './uploads.ts'

/** The files of a message that is being written: on their way, there, or refused. */
export const UploadList = ({ uploads }: { uploads: Uploads }) =>
  uploads.isEmpty ? null : (
    <ul class="files" aria-label="Files to send">
      {uploads.all.value.map((upload) => (
        <li key={upload.key} class={upload.error === undefined ? 'chip' : 'chip failed'}>
          <Icon name="attach" />
          <span class="name">{upload.name}</span>
          <State {...upload} />
          <button
            type="button"
            class="plain"
            aria-label={`Remove ${upload.name}`}
            onClick={() => uploads.remove(upload)}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  )

function State({ name, file, error, progress }: Upload) {
  if (error !== undefined) return <span role="alert">{messageOf(error)}</span>
  if (file) return <span class="quiet">{bytes(file.file_size)}</span>
  return <progress value={progress} aria-label={`Sending ${name}`} />
}

export const AttachButton = ({ uploads }: { uploads: Uploads }) => (
  <ChooseFiles
    class="plain"
    disabled={uploads.isFull}
    title={uploads.isFull ? `At most ${MAX_FILES} files` : 'Attach files'}
    aria-label="Attach files"
    onChoose={(files) => uploads.add(files)}
  >
    <Icon name="attach" />
  </ChooseFiles>
)
