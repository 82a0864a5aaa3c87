import { useState } from 'preact/hooks'
import { api, ok, type Schemas } from '../../api/client.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'
import { useModels } from '../../ui/use-plans.ts'

type Props = { chatbotId: string; onMade: (key: Schemas['MadeApiKey']) => void; onClose: () => void }
type Scopes = Schemas['NewApiKey']['scopes']

/** What a key may do is said once, when it is made. */
export function NewKey({ chatbotId, onMade, onClose }: Props) {
  const [isPublic, setPublic] = useState(false)
  const once = useIdempotency()
  const models = useModels() ?? []
  const create = async (values: Record<string, string>) => {
    const path = { id: chatbotId }
    const body = bodyOf(values)
    const made = await once(body, (header) =>
      ok(api.POST('/api/v1/chatbots/{id}/api-keys', { params: { path, header }, body })),
    )
    onMade(made)
  }
  return (
    <Dialog title="New API key" onClose={onClose}>
      <Form action="Make the key" onSubmit={create}>
        <Field name="name" label="Name" maxLength={80} hint="Where it will be used" required />
        <Field
          as="select"
          name="kind"
          label="Kind"
          onChange={({ currentTarget }) => setPublic((currentTarget as HTMLSelectElement).value === 'pk')}
        >
          <option value="sk">Secret: for servers</option>
          <option value="pk">Public: for a web page, where everybody sees it</option>
        </Field>
        {!isPublic && (
          <Field as="select" name="scopes" label="It may">
            <option value="chat">ask, list models and look at its runs</option>
            <option value="models,runs">list models and look at runs</option>
            <option value="models">list models</option>
            <option value="runs">look at runs</option>
          </Field>
        )}
        <Field
          as="textarea"
          name="allowed_origins"
          label="Pages"
          rows={2}
          placeholder="https://www.example.com"
          hint={`Origins from which browsers may use it, one a line${isPublic ? '' : '. Empty: any'}`}
          required={isPublic}
        />
        <Field
          name="models"
          label="Further models"
          hint={`Besides the chatbot, with commas between them. There are: ${models.join(', ')}`}
        />
        <div class="columns">
          <Field name="rpm" label="Requests a minute" type="number" min={1} hint="Empty: those of the plan" />
          <Field
            name="monthly_token_cap"
            label="Tokens a month"
            type="number"
            min={16}
            hint="Empty: those of the plan"
          />
          <Field name="expires_at" label="Ends" type="datetime-local" hint="Empty: never" />
        </div>
      </Form>
    </Dialog>
  )
}

const bodyOf = (values: Record<string, string>) => ({
  name: values.name ?? '',
  kind: values.kind === 'pk' ? ('pk' as const) : ('sk' as const),
  scopes: values.scopes?.split(',') as Scopes,
  allowed_origins: words(values.allowed_origins),
  models: words(values.models),
  rpm: values.rpm ? Number(values.rpm) : null,
  monthly_token_cap: values.monthly_token_cap ? Number(values.monthly_token_cap) : null,
  expires_at: values.expires_at ? new Date(values.expires_at).toISOString() : null,
})

const words = (text = ''): string[] => text.split(/[\s,]+/).filter(Boolean)
