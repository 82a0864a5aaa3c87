import { useState } from 'preact/hooks'
import { tellFault } from '../../ui/toasts.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'
import { isComposing, WritingField } from '../../ui/writing-field.tsx'
import type { Message } from './reply.ts'
import type { Thread } from './thread.ts'

/** Another wording of what the user said. */
export function EditMessage({ thread, message }: { thread: Thread; message: Message }) {
  const { content } = thread.editing.value!
  const [isBusy, setBusy] = useState(false)
  const once = useIdempotency()
  const leave = () => {
    thread.editing.value = undefined
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    if (isBusy || content.trim() === '') return
    setBusy(true)
    await once(content, (header) => thread.edit(message, content, header)).catch(tellFault)
    setBusy(false)
  }
  return (
    <form onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && !isComposing(event) && leave()}>
      <WritingField
        isFirst
        aria-label="Other words"
        value={content}
        onText={(content) => {
          thread.editing.value = { id: message.id, content }
        }}
      />
      <footer>
        <button type="button" onClick={leave}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={isBusy || content.trim() === ''}>
          Say this instead
        </button>
      </footer>
    </form>
  )
}
