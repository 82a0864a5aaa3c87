import { useEffect, useRef, useState } from 'preact/hooks'
import { api, page, type Schemas } from '../../api/client.ts'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'
import { usePlans } from '../../ui/use-plans.ts'
import { useSettled } from '../../ui/use-settled.ts'
import { type Filters, Select, useFilters } from './filters.tsx'

/** The server looks for three characters or more. */
const SHORTEST = 3
/** All users: search and filters are in the address, so that one can go back to them. */
export function Users() {
  const [filters, setFilters] = useFilters('/app/admin/users', ['search', 'role', 'plan', 'state'])
  const pages = usePages(
    (cursor) => {
      const query = { ...filters, cursor } as { role?: 'user' | 'admin'; state?: 'active' | 'disabled' }
      return page(api.GET('/api/v1/admin/users', { params: { query } }))
    },
    [JSON.stringify(filters)],
  )
  const plans = usePlans()
  return (
    <>
      <h1>Users</h1>
      <search class="filters">
        <Search value={filters.search ?? ''} onChange={(search) => setFilters({ search })} />
        <Select
          label="Role"
          value={filters.role}
          options={['user', 'admin']}
          onChange={(role) => setFilters({ role })}
        />
        <Select
          label="Plan"
          value={filters.plan}
          options={plans.data?.map(({ id }) => id) ?? []}
          onChange={(plan) => setFilters({ plan })}
        />
        <Select
          label="State"
          value={filters.state}
          options={['active', 'disabled']}
          onChange={(state) => setFilters({ state })}
        />
      </search>
      <Listed pages={pages} what="users" empty={<Nobody filters={filters} />}>
        {(users) => (
          <Table label="Users" class="users" columns={['Name', 'Role', 'Plan', 'State', 'Joined', 'Last active']}>
            <tbody>
              {users.map((user) => (
                <Row key={user.id} {...user} />
              ))}
            </tbody>
          </Table>
        )}
      </Listed>
    </>
  )
}

const Row = (user: Schemas['AccountOfUser']) => (
  <tr>
    <td>
      <a href={`/app/admin/users/${user.id}`}>{user.display_name}</a>
      <p class="quiet">{[user.username && `@${user.username}`, user.email].filter(Boolean).join(' · ')}</p>
    </td>
    <td>{user.role}</td>
    <td>{user.plan}</td>
    <td>
      <span class={user.is_active ? 'mark good' : 'mark fault'}>{user.is_active ? 'active' : 'disabled'}</span>
    </td>
    <td>
      <Time at={user.created_at} />
    </td>
    <td>{user.last_active_at ? <Time at={user.last_active_at} /> : 'never'}</td>
  </tr>
)

const Nobody = ({ filters }: { filters: Filters }) => (
  <Empty title="Nobody is like that">
    {Object.keys(filters).length > 0 && (
      <p>
        <a href="/app/admin/users">Show all users</a>
      </p>
    )}
  </Empty>
)

/** Searches while one types, with a pause. */
function Search({ value, onChange }: { value: string; onChange: (search: string) => void }) {
  const [text, setText] = useState(value)
  const settled = useSettled(text.trim())
  const asked = useRef(value)
  const isTooShort = (search: string) => search !== '' && search.length < SHORTEST
  // One has gone to another address of this screen, such as that of all users.
  useEffect(() => {
    if (value !== asked.current) setText(value)
    asked.current = value
  }, [value])
  useEffect(() => {
    if (isTooShort(settled) || settled === asked.current) return
    asked.current = settled
    onChange(settled)
  }, [settled])
  return (
    <label class="grow">
      <span class="quiet">
        Email, username or name{isTooShort(text.trim()) && <span role="status">: {SHORTEST} characters or more</span>}
      </span>
      <input type="search" value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
    </label>
  )
}
