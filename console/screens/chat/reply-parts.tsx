import { useEffect, useRef, useState } from 'preact/hooks'
import type { Schemas } from '../../api/client.ts'
import { watchReply } from '../../api/replies.ts'
import { Failed, Loading } from '../../ui/states.tsx'
import { type Message, NOTHING_YET, type Reply, type ToolCall, told } from './reply.ts'

/** What came before an answer of before: it is read when it is unfolded, and kept for some minutes (docs/runs.md). */
export function PastThoughts({ runId }: { runId: string }) {
  const [reply, setReply] = useState<Reply>()
  const [error, setError] = useState<unknown>()
  const leaving = useRef(new AbortController())
  useEffect(() => () => leaving.current.abort(), [])
  const read = async () => {
    try {
      let made = NOTHING_YET
      for await (const event of watchReply(runId, leaving.current.signal)) made = told(made, event)
      setReply(made)
    } catch (error) {
      setError(error)
    }
  }
  return (
    <details class="thoughts" onToggle={({ currentTarget }) => currentTarget.open && !reply && void read()}>
      <summary>Reasoning</summary>
      {error !== undefined && <Failed error={error} />}
      {!reply && error === undefined && <Loading what="what it thought" />}
      {reply && <p class="words">{reply.reasoning || 'It is not kept any more.'}</p>}
      {reply?.calls.map((call) => (
        <Call key={call.id} {...call} />
      ))}
    </details>
  )
}

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

/** Why a reply failed. */
export const Fault = ({ error, again }: { error: Schemas['RunFault'] | null; again?: () => void }) => (
  <Failed error={new Error(error?.message || 'This reply was not finished.')} retry={again} />
)
