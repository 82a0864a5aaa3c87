import { useRef, useState } from 'preact/hooks'
import { tellFault } from '../../ui/toasts.tsx'
import { WritingField } from '../../ui/writing-field.tsx'
import type { Message } from './reply.ts'
import type { Thread } from './thread.ts'

/** Another wording of what the user said. */
export function EditMessage({ thread, message }: { thread: Thread; message: Message }) {
  const { content } = thread.editing.value!
  const [isBusy, setBusy] = useState(false)
  // The same key for the same words, should the answer get lost.
  const key = useRef({ content: '', key: '' })
  const leave = () => {
    thread.editing.value = undefined
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    if (isBusy || content.trim() === '') return
    if (key.current.content !== content) key.current = { content, key: crypto.randomUUID() }
    setBusy(true)
    await thread.edit(message, content, key.current.key).catch(tellFault)
    setBusy(false)
  }
  return (
    <form onSubmit={submit} onKeyDown={({ key }) => key === 'Escape' && leave()}>
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
