import { z } from 'zod'
import type { Tool, ToolCall } from './provider.ts'

/** More calls, or more of their arguments, than this are left out: who asks for so much is out of its mind. */
const MAX_CALLS = 16
const MAX_ARGUMENTS_LENGTH = 16_384
const MAX_ID_LENGTH = 200

export const toWireTool = (tool: Tool) => ({ type: 'function' as const, function: tool })

const text = z.string().catch('')
const Delta = z.object({
  index: z.int().optional().catch(undefined),
  id: text,
  function: z.object({ name: text, arguments: z.unknown() }).catch({ name: '', arguments: '' }),
})

/**
 * Puts calls together that come in pieces. A piece belongs to the last call with its index; servers that number badly
 * are told by an id that is another one.
 */
export function collectToolCalls() {
  const calls: (ToolCall & { index: number | undefined })[] = []
  let room = MAX_ARGUMENTS_LENGTH

  function callOf({ index, id }: z.infer<typeof Delta>) {
    const isSame = (call: (typeof calls)[number]) =>
      (index === undefined || call.index === index) && (id === '' || call.id === '' || call.id === id)
    const known = calls.findLast(isSame)
    if (known || calls.length >= MAX_CALLS) return known
    calls.push({ index, id: '', name: '', arguments: '' })
    return calls.at(-1)
  }

  return {
    /** Takes the `tool_calls` of a delta; gives whether there were any. */
    add(deltas: unknown): boolean {
      if (!Array.isArray(deltas) || deltas.length === 0) return false
      for (const given of deltas.slice(0, MAX_CALLS)) {
        const { success, data } = Delta.safeParse(given)
        const call = success && callOf(data)
        if (!call) continue
        const { name, arguments: piece } = data.function
        // A few servers send an object, whole.
        const more = (typeof piece === 'string' ? piece : piece ? JSON.stringify(piece) : '').slice(0, room)
        room -= more.length
        call.id ||= data.id.slice(0, MAX_ID_LENGTH)
        call.name ||= name
        call.arguments += more
      }
      return true
    },
    /** The calls so far; names that no tool has are `unknown`. */
    collected: (): ToolCall[] =>
      calls.map((call) => ({
        id: call.id.toWellFormed(),
        name: /^[\w-]{1,64}$/.test(call.name) ? call.name : 'unknown',
        arguments: call.arguments.toWellFormed(),
      })),
  }
}
