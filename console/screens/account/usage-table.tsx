import type { Schemas } from '../../api/client.ts'
import { whole } from '../../ui/numbers.ts'
import { Table } from '../../ui/table.tsx'

/** What usage can be summed by. */
export const GROUPS = { day: 'day', model: 'model', conversation: 'conversation', key: 'API key' }
export type Group = keyof typeof GROUPS
type Item = Schemas['UsageItem']
type Props = { items: Item[]; total: Schemas['UsageOfPlan']['total']; by: Group }

/** What was used for what, and its share of what counts. */
export function UsageTable({ items, total, by }: Props) {
  if (items.length === 0) return <p class="quiet">Nothing was used yet.</p>
  const most = Math.max(...items.map(({ charged_tokens }) => charged_tokens), 1)
  return (
    <Table
      label={`Usage by ${GROUPS[by]}`}
      class="usage"
      columns={[GROUPS[by][0]!.toUpperCase() + GROUPS[by].slice(1), 'Messages', 'Read', 'Written', 'Counted']}
    >
      <tbody>
        {items.map((item) => (
          <tr key={idOf(item)}>
            <th scope="row">{nameOf(item, by)}</th>
            <td>{whole(item.messages)}</td>
            <td>{whole(item.input_tokens)}</td>
            <td>{whole(item.output_tokens)}</td>
            <td>
              {whole(item.charged_tokens)}
              <span class="bar" style={{ inlineSize: `${(100 * item.charged_tokens) / most}%` }} />
            </td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">All</th>
          <td>{whole(total.messages)}</td>
          <td>{whole(total.input_tokens)}</td>
          <td>{whole(total.output_tokens)}</td>
          <td>{whole(total.charged_tokens)}</td>
        </tr>
      </tfoot>
    </Table>
  )
}

const idOf = ({ day, model, conversation_id, key_id }: Item) => day ?? model ?? conversation_id ?? key_id ?? 'none'

function nameOf(item: Item, by: Group): string {
  if (idOf(item) === 'none') return `Without ${by === 'key' ? 'a key' : 'a conversation'}`
  // What is gone is told by its id.
  return item.name ?? idOf(item)
}
