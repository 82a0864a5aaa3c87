import type { Schemas } from '../../api/client.ts'
import { Field } from '../../ui/form.tsx'
import { Icon } from '../../ui/icon.tsx'

/** A fallback in the form; `key` tells it from the others, wherever it stands. */
export type Place = { key: string } & Partial<Schemas['Fallback']>

const MAX = 3

export const placesOf = ({ fallbacks }: Schemas['Chatbot']): Place[] =>
  fallbacks.map((fallback) => ({ key: crypto.randomUUID(), ...fallback }))

/** Other places to ask, in their order, while none has said a word. */
export const Fallbacks = ({ places, onChange }: { places: Place[]; onChange: (places: Place[]) => void }) => (
  <fieldset>
    <legend>When that fails</legend>
    {places.length === 0 && <p class="quiet">Nobody else is asked. Up to three servers of your own can stand in.</p>}
    {places.map(({ key, ...fallback }, at) => (
      <div key={key} class="place">
        <div class="row">
          <h3 class="grow">Fallback {at + 1}</h3>
          <button
            type="button"
            class="plain"
            aria-label={`Remove fallback ${at + 1}`}
            onClick={() => onChange(places.filter((place) => place.key !== key))}
          >
            <Icon name="remove" />
          </button>
        </div>
        <Field
          name={`fallbacks/${at}/llm_endpoint_url`}
          label="Base URL"
          type="url"
          defaultValue={fallback.llm_endpoint_url ?? ''}
          placeholder="https://api.example.com/v1"
          required
        />
        <div class="columns">
          <Field name={`fallbacks/${at}/model`} label="Model" defaultValue={fallback.model ?? ''} />
          <Field
            name={`fallbacks/${at}/llm_api_key`}
            label="API key"
            type="password"
            autocomplete="off"
            hint={fallback.llm_api_key_set ? 'One is stored: leave this empty to keep it' : undefined}
          />
        </div>
      </div>
    ))}
    {places.length < MAX && (
      <button type="button" onClick={() => onChange([...places, { key: crypto.randomUUID() }])}>
        <Icon name="add" /> Add a fallback
      </button>
    )}
  </fieldset>
)
