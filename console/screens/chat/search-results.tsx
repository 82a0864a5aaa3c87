import { api, page, type Schemas } from '../../api/client.ts'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { useSettled } from '../../ui/use-settled.ts'

/** What was said, or is a title, with all these words. */
export function SearchResults({ query }: { query: string }) {
  const q = useSettled(query)
  const found = usePages((cursor) => page(api.GET('/api/v1/search', { params: { query: { q, cursor } } })), [q])
  return (
    <nav aria-label="What was found" class="list" aria-busy={found.isLoading}>
      <Listed pages={found} what="what fits" by="scrolling" empty={<Empty title="Nothing was found" />}>
        {(results) =>
          results.map((result) => <Entry key={`${result.conversation_id} ${result.message_id}`} {...result} />)
        }
      </Listed>
    </nav>
  )
}

type Result = Omit<Schemas['SearchResult'], 'snippet'> & { snippet: { text: string; highlights: number[][] } }

const Entry = ({ conversation_id, conversation_title, message_id, created_at, snippet }: Result) => (
  <a class="entry" href={`/app/chat/${conversation_id}${message_id ? `?at=${message_id}` : ''}`}>
    <span class="name">{conversation_title ?? 'Without a title'}</span>
    <span class="snippet">
      <Snippet {...snippet} />
    </span>
    <span class="quiet">
      <Time at={created_at} />
    </span>
  </a>
)

function Snippet({ text, highlights }: Result['snippet']) {
  const ends = highlights.map(([, end = 0]) => end)
  return (
    <>
      {highlights.map(([from = 0, to = 0], at) => (
        <>
          {text.slice(ends[at - 1] ?? 0, from)}
          <mark>{text.slice(from, to)}</mark>
        </>
      ))}
      {text.slice(ends.at(-1) ?? 0)}
    </>
  )
}
