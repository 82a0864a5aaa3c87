import { useRef, useState } from 'preact/hooks'
import type { Schemas } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { Icon } from '../../ui/icon.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { connection } from './connection.ts'
import type { Channel } from './my-channels.ts'
import { say } from './outgoing.ts'
import { upload } from './upload.ts'

type Props = { channel: Channel; threadId: string | null }

const MAX_FILES = 10
/** As far as can be known: what has a mouse has one, and a phone has neither. */
const hasKeyboard = () => matchMedia('(hover: hover)').matches
/** What was begun and not sent, by user and channel or thread, until the page goes. */
const drafts = new Map<string, string>()

/** Where one writes: Enter sends, Shift and Enter begins a line. Without a keyboard, Enter alone begins one. */
export function Composer({ channel, threadId }: Props) {
  const key = `${me.value?.id} ${threadId ?? channel.id}`
  const [text, setText] = useState(drafts.get(key) ?? '')
  const [files, setFiles] = useState<Schemas['Attachment'][]>([])
  const [uploading, setUploading] = useState(0)
  const picker = useRef<HTMLInputElement>(null)
  const write = (words: string) => {
    drafts.set(key, words)
    setText(words)
  }
  const isEmpty = text.trim() === '' && files.length === 0
  const send = () => {
    if (isEmpty || uploading > 0) return
    say({ channelId: channel.id, threadId, content: text.trim(), attachments: files })
    write('')
    setFiles([])
  }
  const attach = async (chosen: File[]) => {
    for (const file of chosen.slice(0, MAX_FILES - files.length)) {
      setUploading((n) => n + 1)
      await upload(file)
        .then((stored) => setFiles((now) => [...now, stored]))
        .catch(tellFault)
      setUploading((n) => n - 1)
    }
  }
  const label = threadId ? 'Reply in the thread' : `Message ${channel.name}`
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {(files.length > 0 || uploading > 0) && (
        <ul class="files" aria-label="Files to send">
          {files.map(({ id, filename }) => (
            <li key={id}>
              {filename}
              <button
                type="button"
                class="plain"
                aria-label={`Do not send ${filename}`}
                onClick={() => setFiles((now) => now.filter((file) => file.id !== id))}
              >
                ×
              </button>
            </li>
          ))}
          {uploading > 0 && (
            <li>
              <span class="spinner" aria-hidden="true" /> Uploading…
            </li>
          )}
        </ul>
      )}
      <div class="row">
        <button
          type="button"
          class="plain"
          aria-label="Attach files"
          disabled={files.length >= MAX_FILES}
          onClick={() => picker.current?.click()}
        >
          <Icon name="attach" />
        </button>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={({ currentTarget }) => {
            attach([...(currentTarget.files ?? [])])
            currentTarget.value = ''
          }}
        />
        <textarea
          rows={1}
          value={text}
          aria-label={label}
          placeholder={label}
          maxLength={4_000}
          onInput={({ currentTarget }) => {
            write(currentTarget.value)
            connection().typing(channel.id, threadId ?? undefined)
          }}
          onKeyDown={(event) => {
            // Enter may also end the composition of a character.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !hasKeyboard()) return
            event.preventDefault()
            send()
          }}
        />
        <button type="submit" class="primary" aria-label="Send" disabled={isEmpty || uploading > 0}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}
