/** What can be made to fail. `runner` is the way to the Durable Objects that own runs. */
export type Dependency = 'd1' | 'r2' | 'kv' | 'runner'

/**
 * How it fails, from the call after `after` on, for `times` calls or until it is healed. `down` refuses at once, `overloaded` as well
 * and in other words, `silent` says nothing for a minute; `slow` takes `ms` longer; with `answer lost` it is done and nobody is told.
 */
export type Fault = { after?: number; times?: number } & (
  | { how: 'down' | 'overloaded' | 'silent' | 'answer lost' }
  | { how: 'slow'; ms: number }
)

export type Faults = Partial<Record<Dependency, Fault>>
/** How often each was called since the faults were set. */
export type Calls = Record<Dependency, number>

/** Where the failing Worker takes its faults. The Worker that is deployed has no such path. */
export const CONTROL = '/-/faults'

/** Has the bindings of the server at `url` fail in this way from now on, and in no other; by default they work. */
export async function setFaults(url: string, faults: Faults = {}): Promise<void> {
  await fetch(url + CONTROL, { method: 'POST', body: JSON.stringify(faults) })
}

/** How often the bindings were called since the faults were set. */
export const callsOf = async (url: string): Promise<Calls> => (await fetch(url + CONTROL)).json() as Promise<Calls>
