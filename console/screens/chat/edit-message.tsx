import { useRef, useState } from 'preact/hooks'
import { tellFault } from '../../ui/toasts.tsx'
import type { Message } from './reply.ts'
import type { Thread } from './thread.ts'
import { useGrowing } from './use-growing.ts'

/** Another wording of what the user said. */
export function EditMessage({ thread, message }: { thread: Thread; message: Message }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const { content } = thread.editing.value!
  const [isBusy, setBusy] = useState(false)
  // The same key for the same words, should the answer get lost.
  const key = useRef({ content: '', key: '' })
  useGrowing(field, content)
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
      <textarea
        ref={(element) => {
          if (element && !field.current) element.focus()
          field.current = element
        }}
        aria-label="Other words"
        value={content}
        onInput={({ currentTarget }) => {
          thread.editing.value = { id: message.id, content: currentTarget.value }
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
