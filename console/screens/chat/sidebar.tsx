import { useState } from 'preact/hooks'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Listed } from '../../ui/listed.tsx'
import { saveExport } from '../../ui/save-export.ts'
import { Empty } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { ProjectsDialog } from './projects-dialog.tsx'
import { SearchResults } from './search-results.tsx'
import type { Conversation } from './thread.ts'
import type { Conversations, Filter } from './use-conversations.ts'
import { useProjects } from './use-projects.ts'

type Props = {
  conversations: Conversations
  filter: Filter
  onFilter: (filter: Filter) => void
  openId: string | undefined
}

/** All conversations: to open, to search, to begin another. */
export function Sidebar({ conversations, filter, onFilter, openId }: Props) {
  const [query, setQuery] = useState('')
  return (
    <aside aria-label="Conversations">
      <header>
        <a class="button primary" href="/app/chat/new">
          <Icon name="add" /> New conversation
        </a>
        <input
          type="search"
          aria-label="Search in all conversations"
          placeholder="Search"
          maxLength={200}
          value={query}
          onInput={({ currentTarget }) => setQuery(currentTarget.value)}
        />
      </header>
      {query.trim() === '' ? (
        <>
          <FilterChoice filter={filter} onFilter={onFilter} />
          <List conversations={conversations} openId={openId} />
        </>
      ) : (
        <SearchResults query={query.trim()} />
      )}
    </aside>
  )
}

function FilterChoice({ filter, onFilter }: Pick<Props, 'filter' | 'onFilter'>) {
  const projects = useProjects()
  const [isOpen, setOpen] = useState(false)
  return (
    <div class="row filter">
      <select
        aria-label="Which conversations"
        value={filter}
        onChange={({ currentTarget }) => onFilter(currentTarget.value)}
      >
        <option value="all">All</option>
        <option value="pinned">Pinned</option>
        <option value="archived">Archived</option>
        <optgroup label="Projects">
          {projects.items.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </optgroup>
      </select>
      <button type="button" class="plain" aria-label="Projects" title="Projects" onClick={() => setOpen(true)}>
        <Icon name="folder" />
      </button>
      <AsyncButton
        class="plain"
        aria-label="Export everything"
        title="Export everything"
        act={() => saveExport('/api/v1/export', 'parley.ndjson')}
      >
        <Icon name="download" />
      </AsyncButton>
      {isOpen && (
        <ProjectsDialog
          projects={projects}
          onClose={() => setOpen(false)}
          onDelete={(id) => id === filter && onFilter('all')}
        />
      )}
    </div>
  )
}

const List = ({ conversations, openId }: Pick<Props, 'conversations' | 'openId'>) => (
  <nav aria-label="Conversations" class="list">
    <Listed
      pages={conversations}
      what="conversations"
      by="scrolling"
      empty={
        <Empty title="No conversations">
          <p>What you say is kept here.</p>
        </Empty>
      }
    >
      {(items) =>
        items.map((conversation) => (
          <Entry key={conversation.id} {...conversation} isOpen={conversation.id === openId} />
        ))
      }
    </Listed>
  </nav>
)

const Entry = ({ id, title, updated_at, pinned, isOpen }: Conversation & { isOpen: boolean }) => (
  <a class="entry" href={`/app/chat/${id}`} aria-current={isOpen ? 'page' : undefined}>
    <span class="name">{title ?? 'Without a title'}</span>
    <span class="quiet">
      {pinned && <Icon name="pin" />} <Time at={updated_at} />
    </span>
  </a>
)
