import { useState } from 'preact/hooks'
import { api, ok, page, type Schemas } from '../../api/client.ts'
import { confirm, Dialog } from '../../ui/dialog.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { tell } from '../../ui/toasts.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { KeyRow } from './key-row.tsx'
import { NewKey } from './new-key.tsx'
import { RotateKey } from './rotate-key.tsx'
import { Secret } from './secret.tsx'

type ApiKey = Schemas['ApiKey']
type Open = { name: 'new' } | { name: 'rotate'; key: ApiKey } | { name: 'secret'; secret: string }

/** The keys by which programs reach a chatbot. `onMade` gets the secret of a new one, which nobody can look up later. */
export function ApiKeys({ chatbotId, onMade }: { chatbotId: string; onMade: (secret: string) => void }) {
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const keys = usePages(
    (cursor) =>
      page(api.GET('/api/v1/chatbots/{id}/api-keys', { params: { path: { id: chatbotId }, query: { cursor } } })),
    [chatbotId],
  )
  const show = ({ key }: Schemas['MadeApiKey']) => {
    keys.reload()
    // A repeated request makes no second key, and is not told the first again.
    if (key === null) return tell('The key was made before, and cannot be shown again')
    onMade(key)
    setOpen({ name: 'secret', secret: key })
  }
  const askToRevoke = ({ id, name, last_four }: ApiKey) =>
    confirm({
      title: `Revoke ${name}?`,
      text: `Programs that use the key that ends in ${last_four} are refused from now on. This cannot be undone.`,
      action: 'Revoke the key',
      act: async () => {
        const path = { id: chatbotId, key_id: id }
        const revoked = await ok(api.POST('/api/v1/chatbots/{id}/api-keys/{key_id}/revoke', { params: { path } }))
        keys.set((items) => items.map((key) => (key.id === id ? revoked : key)))
      },
    })
  return (
    <section aria-label="API keys">
      <header class="row">
        <p class="grow quiet">Each key opens this chatbot, and nothing else of yours.</p>
        <button type="button" class="primary" onClick={() => setOpen({ name: 'new' })}>
          <Icon name="add" /> New key
        </button>
      </header>
      <Listed
        pages={keys}
        what="keys"
        empty={
          <Empty title="No key yet">
            <p>Make one to reach this chatbot from a program.</p>
          </Empty>
        }
      >
        {(items) => (
          <ul class="list">
            {items.map((key) => (
              <KeyRow
                key={key.id}
                apiKey={key}
                wasReplaced={items.some(({ rotated_from }) => rotated_from === key.id)}
                onRotate={() => setOpen({ name: 'rotate', key })}
                onRevoke={() => askToRevoke(key)}
              />
            ))}
          </ul>
        )}
      </Listed>
      {open?.name === 'new' && <NewKey chatbotId={chatbotId} onMade={show} onClose={close} />}
      {open?.name === 'rotate' && <RotateKey apiKey={open.key} onMade={show} onClose={close} />}
      {open?.name === 'secret' && (
        <Dialog title="Your new key" onClose={close}>
          <Secret secret={open.secret} />
          <footer>
            <button type="button" class="primary" onClick={close}>
              I have stored it
            </button>
          </footer>
        </Dialog>
      )}
    </section>
  )
}
