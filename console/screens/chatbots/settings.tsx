import { useState } from 'preact/hooks'
import { api, ok, type Schemas } from '../../api/client.ts'
import { Field, Form } from '../../ui/form.tsx'
import { tell } from '../../ui/toasts.tsx'
import { useModels } from '../../ui/use-plans.ts'
import { Fallbacks, type Place, placesOf } from './fallbacks.tsx'
import { Knowledge } from './knowledge.tsx'

type Chatbot = Schemas['Chatbot']
type Props = { chatbot: Chatbot; onChange: (chatbot: Chatbot) => void }

/** All that a chatbot answers with. What is saved is its next version. */
export function Settings({ chatbot, onChange }: Props) {
  const [hasServer, setServer] = useState(chatbot.llm_endpoint_url !== null)
  const [places, setPlaces] = useState<Place[]>(() => placesOf(chatbot))
  const [files, setFiles] = useState(chatbot.files)
  const save = async (values: Record<string, string>) => {
    const body = { ...changesOf(values, hasServer), fallbacks: fallbacksOf(values, places), files }
    const params = { path: { id: chatbot.id } }
    const changed = await ok(api.PATCH('/api/v1/chatbots/{id}', { params, body }))
    onChange(changed)
    setPlaces(placesOf(changed))
    tell(changed.version === chatbot.version ? 'Saved' : `Saved as version ${changed.version}`)
  }
  return (
    <Form action="Save" onSubmit={save}>
      <fieldset>
        <legend>Who it is</legend>
        <Field name="name" label="Name" defaultValue={chatbot.name} maxLength={120} required />
        <Field
          name="handle"
          label="Handle"
          defaultValue={chatbot.handle ?? ''}
          maxLength={32}
          autocapitalize="none"
          hint="By which it is called in channels. May be empty"
        />
        <Field
          as="textarea"
          name="instructions"
          label="Instructions"
          rows={8}
          maxLength={16_000}
          defaultValue={chatbot.instructions ?? ''}
          hint="Told to the model before anything else"
        />
      </fieldset>
      <fieldset>
        <legend>Where answers come from</legend>
        <Field
          as="select"
          name="place"
          label="Server"
          onChange={({ currentTarget }) => setServer((currentTarget as HTMLSelectElement).value === 'own')}
        >
          <option value="here" selected={!hasServer}>
            A model of this server
          </option>
          <option value="own" selected={hasServer}>
            A server of your own
          </option>
        </Field>
        {hasServer ? <Endpoint {...chatbot} /> : <ModelHere model={chatbot.model} />}
      </fieldset>
      <Fallbacks places={places} onChange={setPlaces} />
      <Limits {...chatbot} />
      <Knowledge ids={files} onChange={setFiles} />
    </Form>
  )
}

function ModelHere({ model }: Pick<Chatbot, 'model'>) {
  const models = useModels() ?? []
  const names = model === null || models.includes(model) ? models : [model, ...models]
  return (
    <Field as="select" name="model" label="Model">
      <option value="">The usual one</option>
      {names.map((name) => (
        <option key={name} value={name} selected={name === model}>
          {name}
        </option>
      ))}
    </Field>
  )
}

const Endpoint = ({ llm_endpoint_url, llm_api_key_set, model, updated_at }: Chatbot) => (
  <>
    <Field
      name="llm_endpoint_url"
      label="Base URL"
      type="url"
      inputMode="url"
      defaultValue={llm_endpoint_url ?? ''}
      placeholder="https://api.example.com/v1"
      hint="Of any server that speaks OpenAI’s API, on the public internet"
      required
    />
    <Field
      name="model"
      label="Model"
      defaultValue={model ?? ''}
      maxLength={200}
      autocapitalize="none"
      hint="By the name that it has there"
    />
    <Field
      // A key that was saved is no longer shown.
      key={updated_at}
      name="llm_api_key"
      label="API key of that server"
      type="password"
      autocomplete="off"
      hint={llm_api_key_set ? 'One is stored: leave this empty to keep it' : 'Stored sealed, for this address alone'}
    />
    {llm_api_key_set && <Field name="forget_key" label="Remove the stored key" type="checkbox" />}
  </>
)

const Limits = ({ temperature, context_tokens, max_output_tokens, internet_enabled }: Chatbot) => (
  <fieldset>
    <legend>How it answers</legend>
    <div class="columns">
      <Field
        name="temperature"
        label="Temperature"
        type="number"
        min={0}
        max={2}
        step="any"
        defaultValue={temperature ?? ''}
        hint="From 0 to 2. Empty: as the model has it"
      />
      <Field
        name="max_output_tokens"
        label="Longest answer"
        type="number"
        min={16}
        defaultValue={max_output_tokens ?? ''}
        hint="In tokens. Empty: as the model has it"
      />
      <Field
        name="context_tokens"
        label="Window"
        type="number"
        min={256}
        defaultValue={context_tokens ?? ''}
        hint="Tokens that it can read. Empty: as the model has it"
      />
    </div>
    <Field name="internet_enabled" label="It may search the web" type="checkbox" defaultChecked={internet_enabled} />
  </fieldset>
)

const numberOf = (text: string | undefined) => (text ? Number(text) : null)

const changesOf = (values: Record<string, string>, hasServer: boolean): Schemas['ChatbotChanges'] => ({
  name: values.name,
  handle: values.handle || null,
  instructions: values.instructions || null,
  llm_endpoint_url: hasServer ? (values.llm_endpoint_url ?? '') : null,
  llm_api_key: hasServer ? (values.forget_key ? null : values.llm_api_key || undefined) : undefined,
  model: values.model || null,
  temperature: numberOf(values.temperature),
  context_tokens: numberOf(values.context_tokens),
  max_output_tokens: numberOf(values.max_output_tokens),
  internet_enabled: values.internet_enabled !== undefined,
})

const fallbacksOf = (values: Record<string, string>, places: Place[]) =>
  places.map((_, at) => ({
    llm_endpoint_url: values[`fallbacks/${at}/llm_endpoint_url`] ?? '',
    model: values[`fallbacks/${at}/model`] || null,
    llm_api_key: values[`fallbacks/${at}/llm_api_key`] || undefined,
  }))
