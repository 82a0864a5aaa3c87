import type { DatabaseSync } from 'node:sqlite'
import { type ChannelEvent, connect } from '../../../clients/realtime/client.ts'

export type Listener = Awaited<ReturnType<typeof listen>>

/** The reference client of a user, and all that it was told of each channel since it began to listen. */
export async function listen(url: string, token: string) {
  const heard = new Map<string, ChannelEvent[]>()
  const resets: string[] = []
  let ready = () => {}
  const isOpen = new Promise<void>((done) => (ready = done))
  const client = connect({
    url,
    token: () => token,
    onEvent: (event) => {
      const events = heard.get(event.ch)
      if (events) events.push(event)
      else heard.set(event.ch, [event])
    },
    onReset: (channel, { reason }) => resets.push(`${channel} ${reason}`),
    onState: ({ state }) => state === 'open' && ready(),
  })
  await isOpen
  return {
    client,
    /** Whether it has all that D1 has of the channels that it heard of. */
    isUpToDate: (db: DatabaseSync): boolean =>
      [...heard].every(([channel, events]) => events.at(-1)!.seq >= lastSeq(db, channel)),
    /** What it was told otherwise than D1 has it. */
    breaches(db: DatabaseSync): string[] {
      const faults = resets.map((reset) => `a listener was reset: ${reset}`)
      for (const [channel, events] of heard) {
        const stored = db
          .prepare('SELECT seq, type, message_id FROM channel_events WHERE channel_id = ? AND seq >= ? ORDER BY seq')
          .all(channel, events[0]!.seq)
          .map(({ seq, type }) => `${seq} ${type}`)
        const told = events.map(({ seq, type }) => `${seq} ${type}`)
        const at = stored.findIndex((each, nth) => each !== told[nth])
        if (at >= 0 || told.length !== stored.length) {
          const place = at < 0 ? stored.length : at
          faults.push(
            `a listener heard ${told[place]} where there is ${stored[place]}, of ${told.length} and ${stored.length}`,
          )
        }
      }
      return faults
    },
  }
}

const lastSeq = (db: DatabaseSync, channel: string) =>
  Number(db.prepare('SELECT last_seq FROM channels WHERE id = ?').get(channel)!.last_seq)
