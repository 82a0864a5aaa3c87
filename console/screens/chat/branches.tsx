import { IconButton } from '../../ui/icon-button.tsx'
import { useLoad } from '../../ui/use-load.ts'
import type { Message } from './reply.ts'
import type { Thread } from './thread.ts'

/** Which of several wordings or answers is shown, and the way to the others. */
export const Branches = ({ thread, message }: { thread: Thread; message: Message }) =>
  (message.siblings ?? 1) > 1 && !thread.at ? <Switch thread={thread} message={message} /> : null

function Switch({ thread, message }: { thread: Thread; message: Message }) {
  const { data: ids = [] } = useLoad(() => thread.siblingsOf(message), [message.id, message.siblings])
  const place = ids.indexOf(message.id)
  const step = (by: number) => thread.switchTo(ids[place + by]!)
  return (
    <fieldset class="branches" aria-label="Versions">
      <IconButton icon="back" name="Version before" isOff={place <= 0} act={() => step(-1)} />
      <span aria-live="polite">
        {place < 0 ? '…' : place + 1} / {message.siblings}
      </span>
      <IconButton icon="forth" name="Next version" isOff={place < 0 || place >= ids.length - 1} act={() => step(1)} />
    </fieldset>
  )
}
