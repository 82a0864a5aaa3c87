import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../../ui/icon.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { AttachButton, UploadList } from '../../ui/upload-list.tsx'
import type { Draft, Words } from './draft.ts'
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
    if (clipboardData?.files.length) draft.uploads.add(clipboardData.files)
  }
  return (
    <form class="composer" onSubmit={submit}>
      <UploadList uploads={draft.uploads} />
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
        <AttachButton uploads={draft.uploads} />
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
