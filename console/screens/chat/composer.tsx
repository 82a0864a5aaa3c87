import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../../ui/icon.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { type Draft, MAX_FILES, type Words } from './draft.ts'
import { Uploads } from './files.tsx'
import { ModelChoice } from './model-choice.tsx'
import { Quota } from './quota.tsx'
import { replySettings } from './settings.ts'
import { useGrowing } from './use-growing.ts'

type Props = {
  draft: Draft
  say: (words: Words) => Promise<unknown>
  /** Nothing can be said now. */
  isOff?: boolean
  /** While a reply is being written. */
  stop?: { isStopping: boolean; act: () => Promise<unknown> }
}

/** Where one writes. Enter sends, Shift and Enter make a new line. */
export function Composer({ draft, say, isOff = false, stop }: Props) {
  const field = useRef<HTMLTextAreaElement>(null)
  useGrowing(field, draft.text.value)
  // On a phone the keyboard would cover what is to be read.
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) field.current?.focus()
  }, [draft])
  const submit = (event?: Event) => {
    event?.preventDefault()
    if (stop || isOff || !draft.isReady) return
    const words = draft.take()
    say(words).catch((error) => {
      draft.restore(words)
      tellFault(error)
    })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    submit()
  }
  const onPaste = ({ clipboardData }: ClipboardEvent) => {
    if (clipboardData?.files.length) draft.add(clipboardData.files)
  }
  return (
    <form class="composer" onSubmit={submit}>
      {draft.uploads.value.length > 0 && <Uploads draft={draft} />}
      <textarea
        ref={field}
        rows={1}
        aria-label="Message"
        placeholder="Say something"
        maxLength={32_000}
        value={draft.text.value}
        onInput={({ currentTarget }) => {
          draft.text.value = currentTarget.value
        }}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <div class="row">
        <AttachButton draft={draft} />
        <Internet />
        <ModelChoice />
        <span class="grow" />
        {stop ? (
          <button type="button" onClick={stop.act} disabled={stop.isStopping}>
            <Icon name="stop" /> Stop
          </button>
        ) : (
          <button type="submit" class="primary" disabled={isOff || !draft.isReady} aria-label="Send">
            <Icon name="send" />
          </button>
        )}
      </div>
      <Quota />
    </form>
  )
}

function AttachButton({ draft }: { draft: Draft }) {
  const input = useRef<HTMLInputElement>(null)
  const isFull = draft.uploads.value.length >= MAX_FILES
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={({ currentTarget }) => {
          draft.add(currentTarget.files ?? [])
          // The same file may be chosen again.
          currentTarget.value = ''
        }}
      />
      <button
        type="button"
        class="plain"
        disabled={isFull}
        title={isFull ? `At most ${MAX_FILES} files` : 'Attach files'}
        aria-label="Attach files"
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" />
      </button>
    </>
  )
}

function Internet() {
  const { internet_enabled } = replySettings.value
  return (
    <button
      type="button"
      class="plain"
      aria-pressed={internet_enabled}
      aria-label="Search the web"
      title={internet_enabled ? 'The model may search the web' : 'The model does not search the web'}
      onClick={() => {
        replySettings.value = { ...replySettings.value, internet_enabled: !internet_enabled }
      }}
    >
      <Icon name="globe" />
    </button>
  )
}
