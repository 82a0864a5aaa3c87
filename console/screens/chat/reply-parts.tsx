import { api, ok, type Schemas } from '../../api/client.ts'
import { Failed, Loading } from '../../ui/states.tsx'
import { useLoad } from '../../ui/use-load.ts'
import type { Message, Reply, ToolCall } from './reply.ts'

/** What came before the answer: reasoning, folded away, and what was looked up. */
export const Thoughts = ({ reply: { reasoning, calls }, isThinking }: { reply: Reply; isThinking: boolean }) => (
  <>
    {reasoning !== '' && (
      <details class="thoughts">
        <summary>{isThinking ? 'Reasoning…' : 'Reasoning'}</summary>
        <p class="words">{reasoning}</p>
      </details>
    )}
    {calls.map((call) => (
      <Call key={call.id} {...call} />
    ))}
  </>
)

const Call = ({ name, words, result }: ToolCall) => (
  <p class="call quiet">
    {name === 'web_search' ? 'Searched the web for' : name} <q>{words}</q>:{' '}
    {result ? result.summary : <span class="spinner" role="img" aria-label="under way" />}
  </p>
)

const WEB = /^https?:\/\//i

/** The pages that an answer rests on. */
export const Sources = ({ sources }: { sources: Schemas['Source'][] }) =>
  sources.length > 0 && (
    <details class="sources">
      <summary>{sources.length === 1 ? '1 source' : `${sources.length} sources`}</summary>
      <ol>
        {sources.map(({ url, title }) => (
          <li key={url}>
            {WEB.test(url) ? (
              <a href={url} target="_blank" rel="noopener noreferrer nofollow">
                {title || url}
              </a>
            ) : (
              title
            )}
          </li>
        ))}
      </ol>
    </details>
  )

type Limits = Pick<Message, 'warnings' | 'context'> & { files: Message['attachments'] }

/** What the model did not get to see, and what it could not do. */
export function Warnings({ warnings, context, files }: Limits) {
  const dropped = context?.dropped ?? 0
  const isNew = (id: string) => files.some((file) => file.id === id)
  const hidden = context?.files?.filter(({ id, shown }) => shown !== 'included' && isNew(id)) ?? []
  if (warnings.length + dropped + hidden.length === 0) return null
  return (
    <ul class="warnings quiet">
      {warnings.map(({ code, detail }) => (
        <li key={code}>{detail}</li>
      ))}
      {dropped > 0 && <li>The oldest {dropped} messages did not fit: the model has not read them.</li>}
      {hidden.map(({ id, filename, shown }) => (
        <li key={id}>
          {filename}: the model has read {shown === 'cut' ? 'the beginning' : 'only its name'}.
        </li>
      ))}
    </ul>
  )
}

type FaultProps = { message: Message; error: Schemas['RunFault'] | undefined; again?: () => void }

/** Why a reply failed. Who was not there as it did asks its run. */
export function Fault({ message, error, again }: FaultProps) {
  const id = error ? undefined : message.run_id
  const { data: run, isLoading } = useLoad(
    async () => (id ? ok(api.GET('/api/v1/runs/{id}', { params: { path: { id } } })) : undefined),
    [id],
  )
  if (isLoading && !error) return <Loading what="what went wrong" />
  const fault = error ?? run?.error
  return <Failed error={new Error(fault?.message || 'This reply was not finished.')} retry={again} />
}
