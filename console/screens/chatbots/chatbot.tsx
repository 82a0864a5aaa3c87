import { useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import { api, ok, type Schemas } from '../../api/client.ts'
import { confirm } from '../../ui/dialog.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Failed, Loading } from '../../ui/states.tsx'
import { Parts } from '../../ui/tabs.tsx'
import { useTitle } from '../../ui/title.ts'
import { tell } from '../../ui/toasts.tsx'
import { useLoad } from '../../ui/use-load.ts'
import { ApiKeys } from './api-keys.tsx'
import { Settings } from './settings.tsx'
import { Snippets } from './snippets.tsx'
import { Trial } from './trial.tsx'
import { Versions } from './versions.tsx'
import './chatbots.css'

/** One chatbot: what it is made of, its keys and how to use it, beside a place to try it. */
export function Chatbot() {
  const { id = '', part } = useRoute().params
  const { route } = useLocation()
  const {
    data: chatbot,
    error,
    reload,
    set,
  } = useLoad(() => ok(api.GET('/api/v1/chatbots/{id}', { params: { path: { id } } })), [id])
  useTitle(chatbot?.name)
  // The key that was made here last: known for as long as this screen is open, and nowhere else.
  const [secret, setSecret] = useState<string>()
  /** The version that was taken up again last: its settings are those of the form. */
  const [restored, setRestored] = useState<number>()
  if (error !== undefined) return <Failed error={error} retry={reload} />
  if (!chatbot) return <Loading what="the chatbot" />
  const base = `/app/chatbots/${id}`
  const restore = (changed: Schemas['Chatbot']) => {
    set(() => changed)
    setRestored(changed.version)
  }
  const askToDelete = () =>
    confirm({
      title: `Delete ${chatbot.name}?`,
      text: 'Its API keys open nothing any more, and it leaves all channels. This cannot be undone.',
      action: 'Delete the chatbot',
      act: async () => {
        await ok(api.DELETE('/api/v1/chatbots/{id}', { params: { path: { id } } }))
        tell(`${chatbot.name} is deleted`)
        route('/app/chatbots')
      },
    })
  return (
    <div class="chatbot">
      <div>
        <p>
          <a href="/app/chatbots">All chatbots</a>
        </p>
        <header class="row">
          <h1 class="grow">{chatbot.name}</h1>
          <a class="button narrow" href="#trial">
            Try it
          </a>
          <button type="button" aria-label="Delete the chatbot" onClick={askToDelete}>
            <Icon name="remove" />
          </button>
        </header>
        <Parts
          label="Parts of the chatbot"
          parts={[
            { path: base, name: 'Settings' },
            { path: `${base}/keys`, name: 'API keys' },
            { path: `${base}/code`, name: 'Code' },
            { path: `${base}/versions`, name: 'Versions' },
          ]}
        />
        {/* Who looks at another part finds what they have not saved as they left it. */}
        <div hidden={part !== undefined}>
          <Settings key={restored} chatbot={chatbot} onChange={(changed) => set(() => changed)} />
        </div>
        {part === 'keys' && <ApiKeys chatbotId={id} onMade={setSecret} />}
        {part === 'code' && <Code secret={secret} keysPath={`${base}/keys`} />}
        {part === 'versions' && <Versions chatbot={chatbot} onRestore={restore} />}
      </div>
      <Trial key={id} chatbot={chatbot} />
    </div>
  )
}

const Code = ({ secret, keysPath }: { secret: string | undefined; keysPath: string }) => (
  <section aria-label="Code">
    <p>
      Whatever talks to OpenAI talks to this chatbot, with another base URL and key.{' '}
      {secret ? 'The key that you made just now is filled in.' : <a href={keysPath}>Make an API key first.</a>}
    </p>
    <Snippets secret={secret} />
  </section>
)
