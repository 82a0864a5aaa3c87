import { type Signal, signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { me } from '../../api/session.ts'
import { Icon } from '../../ui/icon.tsx'
import { AttachButton, UploadList } from '../../ui/upload-list.tsx'
import { Uploads } from '../../ui/uploads.ts'
import { WritingField } from '../../ui/writing-field.tsx'
import { connection } from './connection.ts'
import type { Channel } from './my-channels.ts'
import { say } from './outgoing.ts'

type Props = { channel: Channel; threadId: string | null }

/** What was begun and not sent, by user and channel or thread, until the page goes. */
type Draft = { text: Signal<string>; uploads: Uploads }
const drafts = new Map<string, Draft>()

function draftOf(place: string): Draft {
  const key = `${me.value?.id} ${place}`
  const draft = drafts.get(key) ?? { text: signal(''), uploads: new Uploads() }
  drafts.set(key, draft)
  return draft
}

/** Where one writes: Enter sends, Shift and Enter begins a line. Without a keyboard, Enter alone begins one. */
export function Composer({ channel, threadId }: Props) {
  const { text, uploads } = useMemo(() => draftOf(threadId ?? channel.id), [])
  const isOff = !uploads.isReady || (text.value.trim() === '' && uploads.isEmpty)
  const send = () => {
    if (isOff) return
    say({ channelId: channel.id, threadId, content: text.value.trim(), attachments: uploads.take() })
    text.value = ''
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
      <UploadList uploads={uploads} />
      <div class="row">
        <AttachButton uploads={uploads} />
        <WritingField
          rows={1}
          value={text.value}
          aria-label={label}
          placeholder={label}
          maxLength={4_000}
          onText={(words) => {
            text.value = words
            connection().typing(channel.id, threadId ?? undefined)
          }}
          onEnter={send}
        />
        <button type="submit" class="primary" aria-label="Send" disabled={isOff}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}
