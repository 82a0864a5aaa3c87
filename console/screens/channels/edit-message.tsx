import type { Message } from '../../../clients/realtime/frames.ts'
import { Field, Form } from '../../ui/form.tsx'
import { connection } from './connection.ts'

/** Other words for what one has said; refused when it was changed elsewhere meanwhile. */
export function EditMessage({ message, onDone }: { message: Message; onDone: () => void }) {
  const { id, channel_id, version } = message
  return (
    <div class="editor">
      <Form
        action="Save"
        more={
          <button type="button" onClick={onDone}>
            Cancel
          </button>
        }
        onSubmit={async ({ content = '' }) => {
          await connection().request('message.edit', { channel_id, message_id: id, content, version })
          onDone()
        }}
      >
        <Field
          name="content"
          label="Your message"
          as="textarea"
          rows={3}
          defaultValue={message.content ?? ''}
          autofocus
        />
      </Form>
    </div>
  )
}
