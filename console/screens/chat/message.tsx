import { Attachments } from '../../ui/attachments.tsx'
import { IconButton } from '../../ui/icon-button.tsx'
import { Markdown } from '../../ui/markdown.tsx'
import { compact } from '../../ui/numbers.ts'
import { Failed } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { tell } from '../../ui/toasts.tsx'
import { Branches } from './branches.tsx'
import { EditMessage } from './edit-message.tsx'
import { isPending } from './pending.ts'
import type { Message } from './reply.ts'
import { Fault, PastThoughts, Sources, Thoughts, Warnings } from './reply-parts.tsx'
import type { Thread } from './thread.ts'

type Props = { thread: Thread; message: Message; isLast: boolean }

/** What the user said. */
export function Said({ thread, message, isLast }: Props) {
  const isEdited = thread.editing.value?.id === message.id
  return (
    <article class="message said" aria-label="You">
      {message.attachments.length > 0 && <Attachments files={message.attachments} />}
      {isEdited ? (
        <EditMessage thread={thread} message={message} />
      ) : (
        message.content !== '' && <p class="words">{message.content}</p>
      )}
      {!isEdited && !isPending(message) && (
        <footer>
          <Branches thread={thread} message={message} />
          <Time at={message.created_at} />
          <Copy text={message.content} />
          {!thread.at && (
            <IconButton
              icon="edit"
              name="Edit"
              isOff={thread.isReplying.value}
              act={() => {
                thread.editing.value = { id: message.id, content: message.content }
              }}
            />
          )}
          {isLast && !thread.at && !thread.refused.value && (
            <IconButton icon="again" name="Get a reply" act={() => thread.regenerate(message)} />
          )}
        </footer>
      )}
    </article>
  )
}

/** What a model answered, or is answering. */
export function Answer({ thread, message, isLast }: Props) {
  // Only the last one is being written, so that no other is drawn again with each word.
  const writing = isLast ? thread.reply.value : undefined
  const reply = writing ?? thread.ended.get(message.id)
  const text = writing?.text || message.content
  const refused = isLast ? thread.refused.value : undefined
  const isWriting = message.status === 'in_progress' && !refused
  return (
    <article
      class="message answer"
      aria-label={message.model ? `Reply of ${message.model}` : 'Reply'}
      aria-busy={isWriting}
    >
      {reply && <Thoughts reply={reply} isThinking={writing !== undefined && text === ''} />}
      {!reply && message.run_id && hasThoughts(message) && <PastThoughts runId={message.run_id} />}
      {text !== '' && <Markdown text={text} />}
      {isWriting && text === '' && (
        <p class="quiet">
          <span class="spinner" aria-hidden="true" /> {reply?.calls.length ? 'Reading…' : 'Thinking…'}
        </p>
      )}
      {refused && <Refused thread={thread} {...refused} />}
      <Sources sources={message.sources} />
      <Warnings
        warnings={reply?.warnings ?? message.warnings}
        context={message.context}
        files={filesBefore(thread, message)}
      />
      {(message.status === 'failed' || message.status === 'interrupted') && (
        <Fault
          error={message.error}
          again={thread.at || thread.isReplying.value ? undefined : () => thread.regenerate(message)}
        />
      )}
      {message.status === 'cancelled' && <p class="quiet">Stopped.</p>}
      {message.status !== 'in_progress' && <AnswerFooter thread={thread} message={message} />}
    </article>
  )
}

/** For so long a server keeps the events of a run, unless it is told otherwise (docs/runs.md). */
const EVENTS_KEPT_MS = 600_000

/** Whether it was thought about, and can be read yet. */
const hasThoughts = ({ usage, created_at }: Message) =>
  !!usage?.reasoning_tokens && Date.now() - Date.parse(created_at) < EVENTS_KEPT_MS

/** What was attached to what it answers. */
const filesBefore = (thread: Thread, { parent_id }: Message) =>
  thread.messages.value.find(({ id }) => id === parent_id)?.attachments ?? []

const Refused = ({ thread, request, error }: { thread: Thread; request?: object; error: unknown }) => (
  <Failed error={error} retry={() => void thread.again()}>
    {request && (
      <button type="button" onClick={() => thread.takeBack()}>
        Take it back
      </button>
    )}
  </Failed>
)

function AnswerFooter({ thread, message }: { thread: Thread; message: Message }) {
  const isBusy = thread.isReplying.value
  const rating = message.feedback?.rating
  const rate = (chosen: 'up' | 'down') => thread.rate(message, rating === chosen ? undefined : chosen)
  return (
    <footer>
      <Branches thread={thread} message={message} />
      <Time at={message.created_at} />
      <Spent message={message} />
      <span class="actions">
        <Copy text={message.content} />
        {!thread.at && (
          <IconButton icon="again" name="Another reply" isOff={isBusy} act={() => thread.regenerate(message)} />
        )}
        <IconButton icon="good" name="Good reply" isOn={rating === 'up'} act={() => rate('up')} />
        <IconButton icon="bad" name="Bad reply" isOn={rating === 'down'} act={() => rate('down')} />
      </span>
    </footer>
  )
}

function Spent({ message: { usage, model } }: { message: Message }) {
  if (!usage) return model
  const { input_tokens, output_tokens, reasoning_tokens, estimated } = usage
  const details = `${input_tokens} read, ${output_tokens} written, ${reasoning_tokens} of them thought${estimated ? ', estimated' : ''}`
  return (
    <span title={details}>
      {model && `${model} · `}
      {compact(usage.total_tokens)} tokens
    </span>
  )
}

const Copy = ({ text }: { text: string }) => (
  <IconButton icon="copy" name="Copy" act={() => navigator.clipboard.writeText(text).then(() => tell('Copied'))} />
)
