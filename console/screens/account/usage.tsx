import { useId, useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Meter } from '../../ui/meter.tsx'
import { bytes } from '../../ui/numbers.ts'
import { Time } from '../../ui/time.tsx'
import { useLoad } from '../../ui/use-load.ts'
import { GROUPS, type Group, UsageTable } from './usage-table.tsx'

const load = (group_by: Group) => ok(api.GET('/api/v1/user/usage', { params: { query: { group_by } } }))

/** What the plan allows in this month, and what it was used for. */
export function Usage() {
  return (
    <section aria-labelledby="usage">
      <h2 id="usage">This month</h2>
      <Quota />
      <Breakdown />
    </section>
  )
}

function Quota() {
  const usage = useLoad(() => load('day'), [])
  return (
    <Loaded of={usage} what="your usage">
      {({ messages, tokens, storage, period_end }) => (
        <>
          <div class="meters">
            <Meter label="Messages" {...messages} />
            <Meter label="Tokens" {...tokens} />
            <Meter label="Storage" {...storage} format={bytes} />
          </div>
          <p class="quiet">
            Messages and tokens begin anew on <Time at={period_end} />.
          </p>
        </>
      )}
    </Loaded>
  )
}

function Breakdown() {
  const id = useId()
  const [by, setBy] = useState<Group>('day')
  const usage = useLoad(() => load(by), [by])
  return (
    <>
      <div class="row">
        <label for={id}>By</label>
        <select id={id} class="by" onChange={({ currentTarget }) => setBy(currentTarget.value as Group)}>
          {Object.entries(GROUPS).map(([group, name]) => (
            <option key={group} value={group}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <Loaded of={usage} what="what it was used for">
        {({ items, total }) => <UsageTable items={items} total={total} by={by} />}
      </Loaded>
    </>
  )
}
