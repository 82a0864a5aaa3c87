import type { ToolCall } from '../../ai/provider.ts'
import { newId } from '../../lib/ids.ts'
import type { FinishReason, NewRunEvent } from '../../lib/run-events.ts'
import type { Answer } from './generate.ts'

/** Some servers give no ids, or the same ones in every round; those who watch tell calls apart by them. */
export const withIds = (calls: ToolCall[], taken: Set<string>, another = numbered): ToolCall[] =>
  calls.map((call) => {
    let { id } = call
    for (let n = taken.size + 1; id === '' || taken.has(id); n++) id = another(n)
    taken.add(id)
    return { ...call, id }
  })

// Nine letters and digits are what every provider takes.
const numbered = (n: number) => `call${String(n).padStart(5, '0')}`
const random = () => newId().slice(-9)

/**
 * Tells of the calls that are the client's to answer, after all that was written before, and gives what the answer finished
 * with: many servers say `stop` where they call.
 */
export function handOver(
  { finish, toolCalls }: Answer,
  { onTool }: { onTool: (event: NewRunEvent) => void },
): FinishReason | undefined {
  if (finish === undefined) return undefined
  // The client sends them back with others, of which an earlier run may have made some.
  for (const { id, name, arguments: given } of withIds(toolCalls, new Set(), random)) {
    // A function without parameters is called with nothing by some, and every client parses what it is given.
    onTool({ type: 'tool.call', call_id: id, name, arguments: given || '{}', executor: 'client' })
  }
  if (toolCalls.length > 0) return 'tool_calls'
  return finish === 'tool_calls' ? 'stop' : finish
}
