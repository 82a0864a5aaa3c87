import { api, page, type Schemas } from '../../api/client.ts'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { ExactTime } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { Select, useFilters } from './filters.tsx'

type Entry = Schemas['AuditEntry']

/** Every action that is recorded; the type makes sure that none is missing. */
const ACTIONS = Object.keys({
  'user.created': 1,
  'user.updated': 1,
  'user.role_changed': 1,
  'user.plan_changed': 1,
  'user.disabled': 1,
  'user.enabled': 1,
  'user.deleted': 1,
  'user.exported': 1,
  'user.conversations_listed': 1,
  'user.conversations_exported': 1,
  'user.chatbots_listed': 1,
  'conversation.read': 1,
  'conversation.exported': 1,
  'channel.user_banned': 1,
  'channel.user_unbanned': 1,
  'channel.deleted': 1,
  'chatbot.read': 1,
  'chatbot.deleted': 1,
  'api_key.created': 1,
  'api_key.rotated': 1,
  'api_key.revoked': 1,
} satisfies Record<Entry['action'], 1>)

/** Who did what to whom, newest first: of all, by action, or by one account that acted or was acted on. */
export function Audit() {
  const [filters, setFilters] = useFilters('/app/admin/audit', ['action', 'actor_id', 'target_id'])
  const pages = usePages(
    (cursor) => {
      const query = { ...filters, action: filters.action as Entry['action'] | undefined, cursor }
      return page(api.GET('/api/v1/admin/audit', { params: { query } }))
    },
    [JSON.stringify(filters)],
  )
  const account = filters.actor_id ?? filters.target_id
  return (
    <>
      <h1>Audit log</h1>
      <search class="filters">
        {/* The server filters by one thing at a time. */}
        <Select
          label="Action"
          value={filters.action}
          options={ACTIONS}
          onChange={(action) => setFilters({ action, actor_id: '', target_id: '' })}
        />
        {account && (
          <p>
            {filters.actor_id ? 'By' : 'To'} <a href={`/app/admin/users/${account}`}>{nameIn(pages.items, account)}</a>{' '}
            <a class="button" href="/app/admin/audit">
              Show all
            </a>
          </p>
        )}
      </search>
      <Listed pages={pages} what="entries" empty={<Empty title="Nothing is recorded" />}>
        {(entries) => (
          <Table label="Audit log" columns={['When', 'Who', 'What', 'Whom']}>
            <tbody>
              {entries.map((entry) => (
                <Row key={entry.id} {...entry} />
              ))}
            </tbody>
          </Table>
        )}
      </Listed>
    </>
  )
}

const Row = (entry: Entry) => (
  <tr>
    <td>
      <ExactTime at={entry.at} />
    </td>
    <td>
      {entry.actor_id ? <a href={`/app/admin/users/${entry.actor_id}`}>{entry.actor_name}</a> : 'an operator’s command'}
    </td>
    <td>
      <code>{entry.action}</code> {entry.outcome === 'refused' && <span class="mark fault">refused</span>}
      {entry.fields.length > 0 && <p class="quiet">{entry.fields.join(', ')}</p>}
    </td>
    <td>
      <Target {...entry} />
    </td>
  </tr>
)

const Target = ({ target_type, target_id, target_name }: Entry) => {
  if (target_name !== null) return <a href={`/app/admin/users/${target_id}`}>{target_name}</a>
  return (
    <>
      {target_type.replace('_', ' ')} <code class="quiet">{target_id}</code>
    </>
  )
}

const nameIn = (entries: Entry[], id: string): string => {
  const names = entries.flatMap((entry) => [
    entry.actor_id === id ? entry.actor_name : null,
    entry.target_id === id ? entry.target_name : null,
  ])
  return names.find((name) => name !== null) ?? 'this account'
}
