import { api, ok, page, type Schemas } from '../../api/client.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Time } from '../../ui/time.tsx'
import { tell } from '../../ui/toasts.tsx'
import { usePages } from '../../ui/use-pages.ts'

type Chatbot = Schemas['Chatbot']
type Version = Schemas['ChatbotVersion']

/** How the chatbot answered, from when on; what was once can be again. */
export function Versions({ chatbot, onRestore }: { chatbot: Chatbot; onRestore: (chatbot: Chatbot) => void }) {
  const path = { id: chatbot.id }
  const versions = usePages(
    (cursor) => page(api.GET('/api/v1/chatbots/{id}/versions', { params: { path, query: { cursor } } })),
    [chatbot.id, chatbot.version],
  )
  const restore = async ({ version, created_at: _, ...settings }: Version) => {
    const changed = await ok(api.PATCH('/api/v1/chatbots/{id}', { params: { path }, body: settings }))
    onRestore(changed)
    tell(`It answers as in version ${version}, now as version ${changed.version}`)
  }
  return (
    <Listed pages={versions} what="versions" empty={null}>
      {(items) => (
        <ol class="list">
          {items.map((version) => (
            <li key={version.version}>
              <div class="row">
                <h2 class="grow">Version {version.version}</h2>
                <Time at={version.created_at} />
                {version.version === chatbot.version ? (
                  <span class="mark good">Now</span>
                ) : (
                  <AsyncButton act={() => restore(version)}>Use again</AsyncButton>
                )}
              </div>
              <p class="quiet">{summary(version)}</p>
              {version.instructions && <p class="instructions words">{version.instructions}</p>}
            </li>
          ))}
        </ol>
      )}
    </Listed>
  )
}

const summary = (version: Version): string =>
  [
    version.model ?? 'The usual model',
    version.llm_endpoint_url && `at ${version.llm_endpoint_url}`,
    version.fallbacks.length > 0 && `fallbacks: ${version.fallbacks.length}`,
    version.temperature !== null && `temperature ${version.temperature}`,
    version.max_output_tokens !== null && `at most ${version.max_output_tokens} tokens`,
    version.context_tokens !== null && `window of ${version.context_tokens} tokens`,
    version.internet_enabled && 'searches the web',
    version.files.length > 0 && `files: ${version.files.length}`,
  ]
    .filter(Boolean)
    .join(', ')
