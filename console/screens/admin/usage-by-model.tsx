import { api, ok } from '../../api/client.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { money, whole } from '../../ui/numbers.ts'
import { Table } from '../../ui/table.tsx'
import { useLoad } from '../../ui/use-load.ts'

/** What one user or all have used of each model: since a day, or in the month so far. */
export function UsageByModel({ userId, from }: { userId?: string; from?: string }) {
  const query = { user_id: userId, from, group_by: 'model' as const }
  const usage = useLoad(() => ok(api.GET('/api/v1/admin/usage', { params: { query } })), [userId, from])
  return (
    <section class="part">
      <h2>{from ? 'Models' : 'Usage this month'}</h2>
      <Loaded of={usage} what="the usage">
        {({ items, total }) =>
          items.length === 0 ? (
            <p class="quiet">Nothing was used.</p>
          ) : (
            <Table
              label="Usage by model"
              class="numbers"
              columns={['Model', 'Runs', 'Tokens in', 'Tokens out', 'Charged', 'Cost']}
            >
              <tbody>
                {[...items, { model: 'All', ...total }].map((item) => (
                  <tr key={item.model}>
                    <th scope="row">{item.model}</th>
                    <td>{whole(item.runs)}</td>
                    <td>{whole(item.input_tokens)}</td>
                    <td>{whole(item.output_tokens)}</td>
                    <td>{whole(item.charged_tokens)}</td>
                    <td>{money(item.cost_microusd)}</td>
                  </tr>
                ))}
              </tbody>
            </Table>
          )
        }
      </Loaded>
    </section>
  )
}
