import type { ChannelEvent, Command } from '../../lib/channel-commands.ts'
import { within } from '../../lib/deadline.ts'
import { shardOf } from '../../lib/shards.ts'
import type { Books } from './books.ts'

/** How long a ban waits for who still tells the banned user anything. */
const WAIT_MS = 2_000
/** Events after which who is concerned must have heard before the command is answered. */
const EVENTS = /^member\.(banned|removed|left)$/
/** Commands that make them. */
const COMMANDS = new Set<Command['type']>(['member.ban', 'member.remove', 'member.leave'])

type Doors = {
  shards: number
  books: Books
  /** Brings a shard to where the log is. */
  pump: (shard: number) => Promise<void>
  doubt: (shard: number, userId: string) => Promise<void>
  /** Cuts off what a user follows of what chatbots write; it is tried again by itself. */
  turnAway: (userId: string) => Promise<void>
}

/** Who was put out of a channel, or left it: when that is answered, nothing of the channel reaches them any more. */
export class Departures {
  readonly #doors: Doors

  constructor(doors: Doors) {
    this.#doors = doors
  }

  /** Resolves when nobody tells them anything any more whom a command, which made this event if it made any, put out. */
  async follow(command: Command, event: ChannelEvent | null): Promise<void> {
    const isOut = event?.subject !== undefined && EVENTS.test(event.type)
    if (isOut) await this.#both(event.subject!, this.#removeFromSockets(event))
    else if (!event && COMMANDS.has(command.type)) {
      const userId = removedBy(command)
      await this.#both(userId, this.#doubt(userId))
    }
  }

  async #both(userId: string, sockets: Promise<void>): Promise<void> {
    const streams = within(WAIT_MS, this.#doors.turnAway(userId)).catch(() => {})
    await Promise.all([sockets, streams])
  }

  /** The Gateway of who was removed has taken their sockets out of the channel, or is told nothing more until it asks who may. */
  async #removeFromSockets({ seq, subject }: ChannelEvent): Promise<void> {
    const { shards, books, pump } = this.#doors
    const shard = await shardOf(subject!, shards)
    // What is not there by now is told from the books below.
    await within(WAIT_MS, pump(shard)).catch(() => {})
    if (books.owed(shard).some((owed) => owed.seq <= seq)) books.unsubscribe(shard)
  }

  /** Somebody was out before: that their Gateway knows it may have been lost with an earlier instance. */
  async #doubt(userId: string): Promise<void> {
    const { shards, books, doubt } = this.#doors
    const shard = await shardOf(userId, shards)
    const told = doubt(shard, userId).then(() => true)
    if (!(await within(WAIT_MS, told).catch(() => false))) books.unsubscribe(shard)
  }
}

/** Whom a command takes out of the channel. */
const removedBy = (command: Command): string => ('target' in command ? command.target! : command.actor)
