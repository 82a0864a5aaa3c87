import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { api, ok, page, type Schemas } from '../../api/client.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'
import { usePages } from '../../ui/use-pages.ts'
import './chatbots.css'

/** All chatbots of the user, and where a new one begins. */
export function Chatbots() {
  const [isNew, setNew] = useState(false)
  const chatbots = usePages((cursor) => page(api.GET('/api/v1/chatbots', { params: { query: { cursor } } })), [])
  return (
    <div class="page chatbots">
      <header class="row">
        <h1 class="grow">Chatbots</h1>
        <button type="button" class="primary" onClick={() => setNew(true)}>
          <Icon name="add" /> New chatbot
        </button>
      </header>
      <Listed
        pages={chatbots}
        what="chatbots"
        empty={
          <Empty title="No chatbot yet">
            <p>
              A chatbot is a model of your own: instructions, files and limits. Programs reach it with an API key, as
              they reach OpenAI.
            </p>
          </Empty>
        }
      >
        {(items) => (
          <ul class="list">
            {items.map((chatbot) => (
              <Row key={chatbot.id} {...chatbot} />
            ))}
          </ul>
        )}
      </Listed>
      {isNew && <NewChatbot onClose={() => setNew(false)} />}
    </div>
  )
}

const Row = ({ id, name, handle, model, llm_endpoint_url, version, updated_at }: Schemas['Chatbot']) => (
  <li>
    <a class="name" href={`/app/chatbots/${id}`}>
      {name}
    </a>{' '}
    {handle && <span class="mark">@{handle}</span>}
    <p class="quiet">
      {model ?? 'The usual model'}
      {llm_endpoint_url && ` at ${new URL(llm_endpoint_url).host}`}, version {version}, changed <Time at={updated_at} />
    </p>
  </li>
)

/** The least that a chatbot is made of; all else has its place afterwards. */
function NewChatbot({ onClose }: { onClose: () => void }) {
  const { route } = useLocation()
  const once = useIdempotency()
  const create = async ({ name = '', instructions }: Record<string, string>) => {
    const body = { name, instructions: instructions || null }
    const { id } = await once(body, (header) => ok(api.POST('/api/v1/chatbots', { params: { header }, body })))
    route(`/app/chatbots/${id}`)
  }
  return (
    <Dialog title="New chatbot" onClose={onClose}>
      <Form action="Make the chatbot" onSubmit={create}>
        <Field name="name" label="Name" maxLength={120} required />
        <Field
          as="textarea"
          name="instructions"
          label="Instructions"
          rows={5}
          maxLength={16_000}
          hint="Told to the model before anything else. May be empty, and be changed at any time"
        />
      </Form>
    </Dialog>
  )
}
