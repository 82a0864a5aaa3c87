import { z } from 'zod'
import type { Tool, ToolCall } from './provider.ts'

/** More calls, or more of their arguments, than this are left out. Of ours: who asks for so much is out of its mind. */
const OURS = { calls: 16, length: 16_384 }
/** Of a client's tools: whoever reads them ends a run that goes beyond (`add` says how much it is). */
const CLIENTS = { calls: 128, length: 256 * 1_024 }
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
 * are told by an id that is another one. `isClients` when others than we answer them.
 */
export function collectToolCalls(isClients = false) {
  const most = isClients ? CLIENTS : OURS
  const calls: (ToolCall & { index: number | undefined })[] = []
  let room = most.length

  function callOf({ index, id }: z.infer<typeof Delta>) {
    const isSame = (call: (typeof calls)[number]) =>
      (index === undefined || call.index === index) && (id === '' || call.id === '' || call.id === id)
    const known = calls.findLast(isSame)
    if (known || calls.length >= most.calls) return known
    calls.push({ index, id: '', name: '', arguments: '' })
    return calls.at(-1)
  }

  return {
    /** Takes the `tool_calls` of a delta; gives how long they are, in characters, or `undefined` when there were none. */
    add(deltas: unknown): number | undefined {
      if (!Array.isArray(deltas) || deltas.length === 0) return undefined
      let added = deltas.length > most.calls ? Number.POSITIVE_INFINITY : 0
      for (const given of deltas.slice(0, most.calls)) {
        const { success, data } = Delta.safeParse(given)
        if (!success) continue
        const call = callOf(data)
        if (!call) {
          added = Number.POSITIVE_INFINITY
          continue
        }
        const { name, arguments: piece } = data.function
        // A few servers send an object, whole.
        const more = typeof piece === 'string' ? piece : piece ? JSON.stringify(piece) : ''
        added += more.length + (call.name === '' ? name.length : 0)
        call.id ||= data.id.slice(0, MAX_ID_LENGTH)
        call.name ||= name
        call.arguments += more.slice(0, room)
        room -= Math.min(room, more.length)
      }
      return added
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
