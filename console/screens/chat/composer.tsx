import { Icon } from '../../ui/icon.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { AttachButton, UploadList } from '../../ui/upload-list.tsx'
import { hasKeyboard, WritingField } from '../../ui/writing-field.tsx'
import type { Draft, Words } from './draft.ts'
import { ModelChoice } from './model-choice.tsx'
import { Quota } from './quota.tsx'
import { replySettings } from './settings.ts'

type Props = {
  draft: Draft
  say: (words: Words) => Promise<unknown>
  /** Nothing can be said now. */
  isOff?: boolean
  /** While a reply is being written. */
  stop?: { isStopping: boolean; act: () => Promise<unknown> }
}

/** Where one writes. */
export function Composer({ draft, say, isOff = false, stop }: Props) {
  const submit = (event?: Event) => {
    event?.preventDefault()
    if (stop || isOff || !draft.isReady) return
    const words = draft.take()
    say(words).catch((error) => {
      draft.restore(words)
      tellFault(error)
    })
  }
  const onPaste = ({ clipboardData }: ClipboardEvent) => {
    if (clipboardData?.files.length) draft.uploads.add(clipboardData.files)
  }
  return (
    <form class="composer" onSubmit={submit}>
      <UploadList uploads={draft.uploads} />
      <WritingField
        // On a phone the keyboard would cover what is to be read.
        isFirst={hasKeyboard()}
        rows={1}
        aria-label="Message"
        placeholder="Say something"
        maxLength={32_000}
        value={draft.text.value}
        onText={(text) => {
          draft.text.value = text
        }}
        onEnter={submit}
        onPaste={onPaste}
      />
      <div class="row">
        <AttachButton uploads={draft.uploads} />
        <Internet />
        <ModelChoice />
        <span class="grow" />
        {stop ? (
          <button
            type="button"
            disabled={stop.isStopping}
            onClick={({ currentTarget }) => {
              // The button goes with the reply. On a phone the field would bring its keyboard.
              if (hasKeyboard()) currentTarget.form!.querySelector('textarea')!.focus()
              void stop.act()
            }}
          >
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
