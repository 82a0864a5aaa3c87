import { me } from '../../api/session.ts'
import { Attachments } from '../../ui/attachments.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Time } from '../../ui/time.tsx'
import { EditMessage } from './edit-message.tsx'
import { Said } from './mentions.tsx'
import { MessageActions } from './message-actions.tsx'
import type { Channel } from './my-channels.ts'
import { Reactions } from './reactions.tsx'
import type { Row } from './rows.ts'

type Props = {
  channel: Channel
  row: Row
  /** Nothing was said before it. */
  isStart: boolean
  onThread: ((rootId: string) => void) | undefined
  /** Who is writing in its thread. */
  writing: string
  /** What is being done with it. */
  doing: Doing | undefined
  setDoing: (doing: Doing | undefined) => void
}

/** Its actions are open, or its author changes it. */
export type Doing = 'choosing' | 'editing'

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' })

/** A message in its list, with what stands above it and below it. */
export function Message({ channel, row, isStart, onThread, writing, doing, setDoing }: Props) {
  const { message, failure } = row.entry
  const isNamed = message.mentions.includes(me.value!.id) || message.mentions.includes('*')
  const close = () => setDoing(undefined)
  const openThread = (rootId: string) => {
    close()
    onThread?.(rootId)
  }
  return (
    <div>
      {isStart && <p class="beginning">This is the beginning of {channel.name}.</p>}
      {row.isNewDay && <p class="divider">{DAY.format(new Date(message.created_at))}</p>}
      {row.isFirstUnread && <p class="divider fresh">New</p>}
      <article
        class={`message${row.isContinued ? ' continued' : ''}${isNamed ? ' named' : ''}`}
        aria-label={`${message.user.display_name}, message ${message.seq}`}
        data-seq={message.seq}
      >
        {!row.isContinued && (
          <header>
            <strong>{message.user.display_name}</strong>
            {message.user.kind === 'chatbot' && <span class="mark">Chatbot</span>}
            <span class="quiet">
              <Time at={message.created_at} />
            </span>
          </header>
        )}
        {doing === 'editing' ? (
          <EditMessage message={message} onDone={close} />
        ) : (
          <div class="said">
            {message.deleted_at ? (
              <p class="quiet">This message was deleted.</p>
            ) : (
              <Said text={message.content ?? ''} />
            )}
            <Attachments files={message.attachments} />
            {message.edited_at && !message.deleted_at && <span class="quiet">edited</span>}
            {message.pinned && <span class="quiet">pinned</span>}
          </div>
        )}
        {failure && <p class="fault">A chatbot could not answer: {failure.replaceAll('_', ' ')}</p>}
        <Reactions message={message} isFixed={channel.role === null} />
        {onThread && (message.reply_count > 0 || writing) && (
          <button type="button" class="replies" onClick={() => onThread(message.id)}>
            {message.reply_count > 0 && (message.reply_count === 1 ? '1 reply' : `${message.reply_count} replies`)}
            {writing && <span class="quiet">{writing}</span>}
          </button>
        )}
        {channel.role && !message.deleted_at && doing !== 'editing' && (
          <button
            type="button"
            class="plain more"
            aria-label={`Actions for message ${message.seq}`}
            aria-expanded={doing === 'choosing'}
            onClick={() => setDoing(doing ? undefined : 'choosing')}
          >
            <Icon name="more" />
          </button>
        )}
        {doing === 'choosing' && (
          <MessageActions
            channel={channel}
            message={message}
            onThread={onThread && openThread}
            onEdit={() => setDoing('editing')}
            onDone={close}
          />
        )}
      </article>
    </div>
  )
}
