import { api, ok } from '../../api/client.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'
import type { Channel } from './my-channels.ts'

export type EntryProps = { onClose: () => void; onEnter: (channel: Channel) => void }

/** A channel of one's own. */
export function NewChannel({ onClose, onEnter }: EntryProps) {
  const once = useIdempotency()
  const make = async ({ name = '', description, visibility }: Record<string, string>) => {
    const about = { name, description: description || null, visibility: visibility as Channel['visibility'] }
    const body = { slow_mode_s: 0, ...about }
    onEnter(await once(body, (header) => ok(api.POST('/api/v1/channels', { params: { header }, body }))))
  }
  return (
    <Dialog title="Make a channel" onClose={onClose}>
      <Form action="Make the channel" onSubmit={make}>
        <Field name="name" label="Name" required autofocus />
        <Field name="description" label="What it is about" />
        <Field name="visibility" label="Who may come in" as="select">
          <option value="public">Everybody: all can read it, and who speaks joins</option>
          <option value="private">Only who is invited or taken in</option>
        </Field>
      </Form>
    </Dialog>
  )
}

/** The channel of exactly these people: it is there from the moment it is asked for. */
export const NewDirectChannel = ({ onClose, onEnter }: EntryProps) => (
  <Dialog title="Write to somebody" onClose={onClose}>
    <Form
      action="Open"
      onSubmit={async ({ usernames = '' }) => {
        const names = usernames.split(/[\s,]+/).filter((name) => name !== '')
        onEnter(await ok(api.POST('/api/v1/channels/direct', { body: { usernames: names } })))
      }}
    >
      <Field name="usernames" label="Username" hint="Of several people: with commas, at most nine" required autofocus />
    </Form>
  </Dialog>
)

/** Into a channel by a code that one was given. */
export const AcceptInvite = ({ onClose, onEnter }: EntryProps) => (
  <Dialog title="Use an invitation" onClose={onClose}>
    <Form
      action="Join"
      onSubmit={async ({ code = '' }) => {
        const params = { path: { code: code.trim() } }
        onEnter(await ok(api.POST('/api/v1/invites/{code}/accept', { params })))
      }}
    >
      <Field name="code" label="Code" autocomplete="off" required autofocus />
    </Form>
  </Dialog>
)
