import { api, ok, type Schemas } from '../../api/client.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'

type Props = { apiKey: Schemas['ApiKey']; onMade: (key: Schemas['MadeApiKey']) => void; onClose: () => void }

const GRACES = { 'for an hour': 3_600, 'for a day': 86_400, 'for a week': 604_800, 'not at all': 0 }

/** Puts a new key in the place of another, which goes on for a while. */
export function RotateKey({ apiKey, onMade, onClose }: Props) {
  const once = useIdempotency()
  const rotate = async (values: Record<string, string>) => {
    const path = { id: apiKey.chatbot_id, key_id: apiKey.id }
    const body = { grace_seconds: Number(values.grace_seconds) }
    const made = await once(body, (header) =>
      ok(api.POST('/api/v1/chatbots/{id}/api-keys/{key_id}/rotate', { params: { path, header }, body })),
    )
    onMade(made)
  }
  return (
    <Dialog title={`Rotate ${apiKey.name}`} onClose={onClose}>
      <Form action="Make the new key" onSubmit={rotate}>
        <p>The new key has the same settings and shares the limits of the old one, which ends in {apiKey.last_four}.</p>
        <Field as="select" name="grace_seconds" label="The old key goes on working">
          {Object.entries(GRACES).map(([name, seconds]) => (
            <option key={name} value={seconds}>
              {name}
            </option>
          ))}
        </Field>
      </Form>
    </Dialog>
  )
}
