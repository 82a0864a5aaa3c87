import { useState } from 'preact/hooks'
import { api, ok, page } from '../../api/client.ts'
import { Field, Form } from '../../ui/form.tsx'
import { tell } from '../../ui/toasts.tsx'
import { usePages } from '../../ui/use-pages.ts'

/** Takes somebody in by their name, or a chatbot of one's own. */
export function AddMember({ channelId }: { channelId: string }) {
  const chatbots = usePages(
    (cursor) => page(api.GET('/api/v1/chatbots', { params: { query: { limit: 100, cursor } } })),
    [],
  )
  const add = (body: { username: string } | { chatbot_id: string }) =>
    ok(api.POST('/api/v1/channels/{id}/members', { params: { path: { id: channelId } }, body }))
  // Made anew after each, so that it is empty again.
  const [turn, setTurn] = useState(0)
  return (
    <details>
      <summary>Take somebody in</summary>
      <Form
        key={`person${turn}`}
        action="Take in"
        onSubmit={async ({ username = '' }) => {
          const { user } = await add({ username })
          tell(`${user.display_name} is in the channel`)
          setTurn(turn + 1)
        }}
      >
        <Field name="username" label="Username" autocomplete="off" required />
      </Form>
      {chatbots.items.length > 0 && (
        <Form
          key={`chatbot${turn}`}
          action="Take the chatbot in"
          onSubmit={async ({ chatbot_id = '' }) => {
            const { user } = await add({ chatbot_id })
            tell(`Call it by @${user.username}`)
            setTurn(turn + 1)
          }}
        >
          <Field name="chatbot_id" label="A chatbot of yours" as="select" hint="It answers who names it">
            {chatbots.items.map(({ id, name, handle }) => (
              <option key={id} value={id}>
                {name} (@{handle})
              </option>
            ))}
          </Field>
        </Form>
      )}
    </details>
  )
}
