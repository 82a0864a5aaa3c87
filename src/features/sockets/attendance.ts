import { describeError, type Log } from '../../http/log.ts'
import type { ChannelEvent } from '../../lib/channel-commands.ts'
import type { Connection, Stream } from './connection.ts'
import { frame } from './frames.ts'
import type { Guests } from './guests.ts'
import type { Memberships } from './memberships.ts'
import { Delivery, type Room } from './room.ts'
import type { Sockets } from './sockets.ts'
import type { Position, Streams } from './streams.ts'

const ENTERS = 'member.joined'
const LEAVES = /^member\.(left|removed|banned)$/

type Surroundings = {
  sockets: Sockets
  streams: Streams
  memberships: Memberships
  guests: Guests
  /** Public channels that a socket of contract 3 sees at the most. */
  seedChannels: number
  /** A socket of this user is in its channels now. */
  present: (userId: string) => void
  /** What a client asked for cannot be done here now: it is to come again. */
  sendAway: (connection: Connection) => void
  log: Log
}

/** Keeps each socket in the channels that its user is in: when it comes, and when its user joins, leaves or is banned. */
export class Attendance {
  readonly #sockets: Sockets
  readonly #streams: Streams
  readonly #memberships: Memberships
  readonly #guests: Guests
  readonly #surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
    this.#sockets = surroundings.sockets
    this.#streams = surroundings.streams
    this.#memberships = surroundings.memberships
    this.#guests = surroundings.guests
  }

  /** There is a new channel: for its members, and for those who see all public ones (contract 3). */
  async opened(channelId: string, members: string[], isPublic: boolean): Promise<void> {
    for (const userId of members) this.#memberships.add(userId, channelId)
    const own = members.flatMap((userId) => this.#sockets.of(userId))
    const coming = own.map((connection) => this.#comeIn(connection, channelId))
    if (isPublic && this.#surroundings.seedChannels > 0) {
      // All of them at once: it may be public no more when the first of them is in.
      for (const connection of this.#sockets.all.values()) {
        if (!connection.isSeed || connection.streams.has(channelId)) continue
        this.#guests.add(connection.identity.userId, channelId)
        this.#sockets.enter(connection, channelId, true)
        coming.push(this.#streams.begin(connection, channelId, undefined))
      }
    }
    // That one cannot come in now is nothing to the others.
    for (const done of await Promise.allSettled(coming)) if (done.status === 'rejected') this.#failed(done.reason)
  }

  /** What happened in a channel, for everybody who is in it. */
  take(channelId: string, epoch: number, events: ChannelEvent[]): void {
    const now = Date.now()
    const told = this.#sockets.rooms.get(channelId)?.told ?? 0
    const late = events.filter(({ seq }) => seq <= told)
    const fresh = events.slice(late.length)
    if (late.length > 0) this.#takeLate(channelId, late)
    if (fresh.length === 0) return
    const delivery = new Delivery(fresh)
    for (const event of fresh) {
      if (hides(event)) this.#hide(channelId, delivery, event.seq, now)
      if (event.subject === undefined) continue
      if (event.type === ENTERS) this.#joined(event.subject, channelId, epoch, event.seq)
      else if (LEAVES.test(event.type)) this.#left(event.subject, channelId, delivery, event, now)
    }
    const room = this.#sockets.rooms.get(channelId)
    if (!room) return
    // A push was lost, and with it perhaps that somebody has left.
    if (room.expected !== undefined && delivery.from > room.expected) this.#doubtAll(room)
    room.expect(delivery.to + 1)
    room.epoch = epoch
    room.advance(delivery.to)
    room.pushed = delivery.to
    // It is told of what happens, or would not have been of this.
    room.subscribed ??= Promise.resolve()
    this.#streams.deliver(room, delivery, now)
    if (fresh.at(-1)!.type === 'channel.deleted') this.gone(channelId)
  }

  /** Events that were told before, or that somebody was owed: what has become of them since D1 knows. */
  #takeLate(channelId: string, events: ChannelEvent[]): void {
    const room = this.#sockets.rooms.get(channelId)
    if (room && events.some(hides)) this.#doubtAll(room)
    const subjects = events.flatMap(({ subject }) => subject ?? [])
    if (subjects.length > 0) void this.reconsider(subjects)
  }

  /** Somebody has come into a channel: their sockets get what follows, this event among it. */
  #joined(userId: string, channelId: string, epoch: number, seq: number): void {
    this.#memberships.add(userId, channelId)
    this.#memberships.setRead(userId, channelId, seq)
    for (const connection of this.#sockets.of(userId)) {
      if (!connection.isReady) continue
      const known = connection.streams.has(channelId)
      const stream = this.#sockets.enter(connection, channelId)
      if (known) continue
      stream.position = seq - 1
      stream.isLive = !connection.isHeld
      connection.tell(added(channelId, epoch, seq - 1, seq))
    }
  }

  /** Somebody is in a channel no more: their sockets get this event, and nothing after it. */
  #left(userId: string, channelId: string, delivery: Delivery, event: ChannelEvent, now: number): void {
    this.#memberships.remove(userId, channelId)
    this.#guests.remove(userId, channelId)
    for (const connection of this.#sockets.of(userId)) {
      const stream = connection.streams.get(channelId)
      if (!stream) continue
      this.#streams.deliverTo(stream, delivery, now, event.seq)
      connection.flush()
      connection.tell(gone(channelId))
      this.#sockets.leave(connection, channelId)
    }
  }

  async #comeIn(connection: Connection, channelId: string): Promise<void> {
    if (connection.isClosed || !connection.isReady || connection.streams.has(channelId)) return
    // They may have left since whoever calls this has looked.
    if (!this.#memberships.isMember(connection.identity.userId, channelId)) return
    this.#sockets.enter(connection, channelId)
    try {
      await this.#streams.begin(connection, channelId, undefined)
    } catch (error) {
      // It comes in when its list is read the next time.
      this.#memberships.expire(connection.identity.userId)
      this.#sockets.leave(connection, channelId)
      throw error
    }
    const stream = connection.streams.get(channelId)
    if (stream) connection.tell(added(channelId, stream.room.epoch!, stream.position!))
  }

  /** Begins where the client says that it is, in all channels of its user, and then tells it where it is. */
  async resume(connection: Connection, id: string | undefined, given: Record<string, Position>): Promise<void> {
    const { userId } = connection.identity
    const list = await this.#memberships.of(userId)
    if (connection.isClosed || connection.isReady) return
    // The list was read after whatever was doubted.
    connection.isHeld = false
    connection.markResumed()
    this.#surroundings.present(userId)
    try {
      await Promise.all(list.map(({ channel_id }) => this.#streams.begin(connection, channel_id, given[channel_id])))
    } catch (error) {
      this.#surroundings.log('warn', 'resume_failed', describeError(error))
      return this.#surroundings.sendAway(connection)
    }
    for (const channelId of Object.keys(given)) {
      if (!connection.streams.has(channelId)) connection.send(notMember(channelId))
    }
    const read = new Map(this.#memberships.known(userId).map((each) => [each.channel_id, each.read_seq]))
    const channels = [...connection.streams.values()].map(({ room, position }) => [
      room.id,
      { epoch: room.epoch, seq: position, read_seq: read.get(room.id) ?? 0 },
    ])
    connection.send(frame('resumed', { id, data: { channels: Object.fromEntries(channels) } }))
  }

  /** Sends what comes after a number of a channel. */
  sync(connection: Connection, channelId: string, after: number): void {
    const stream = connection.streams.get(channelId)
    if (stream) this.#streams.goBack(stream, after)
    else connection.send(notMember(channelId))
  }

  /** Contract 3: one's own channels and, as nobody joins there, the newest public ones that did not ban the user. */
  async startSeed(connection: Connection): Promise<void> {
    try {
      await this.#enterSeed(connection)
    } catch (error) {
      this.#surroundings.log('warn', 'resume_failed', describeError(error))
      this.#surroundings.sendAway(connection)
    }
  }

  async #enterSeed(connection: Connection): Promise<void> {
    const { userId } = connection.identity
    const [newest] = await Promise.all([
      this.#guests.newest(userId, this.#surroundings.seedChannels),
      this.#memberships.of(userId),
    ])
    if (connection.isClosed) return
    const mine = new Set(this.#memberships.known(userId).map(({ channel_id }) => channel_id))
    const others = newest.filter((id) => !mine.has(id))
    // What was closed to them since it was read nobody may have told here: channels tell it once they are subscribed, and then it
    // is read once more.
    this.#streams.hold(connection)
    // What earlier sockets saw is not public for ever.
    this.#guests.replace(userId, others)
    for (const id of others) this.#sockets.enter(connection, id, true)
    await Promise.all([...mine, ...others].map((id) => this.#streams.begin(connection, id, undefined)))
    await this.refresh([userId])
  }

  /**
   * What is known of these users may be wrong: they get nothing more until their lists were read anew. What cannot be read now
   * the tick reads.
   */
  reconsider(userIds: string[]): Promise<void> {
    this.#memberships.doubt(userIds)
    for (const userId of userIds) for (const connection of this.#sockets.of(userId)) this.#streams.hold(connection)
    return this.refresh(userIds)
  }

  /** Reads lists anew, and tells what has changed. */
  async refresh(userIds: string[]): Promise<void> {
    const here = [...new Set(userIds)].filter((userId) => this.#sockets.of(userId).length > 0)
    await Promise.all(here.map((userId) => this.#reconcile(userId).catch((error) => this.#unread(userId, error))))
  }

  /** The tick tries again. */
  #unread(userId: string, error: unknown): void {
    this.#memberships.expire(userId)
    this.#failed(error)
  }

  #failed(error: unknown): void {
    this.#surroundings.log('warn', 'list_not_read', describeError(error))
  }

  #doubtAll(room: Room): void {
    void this.reconsider([...room.userIds()])
  }

  /** Brings the sockets of a user into the channels of their list, and out of all others. */
  async #reconcile(userId: string): Promise<void> {
    const holds = new Map(this.#sockets.of(userId).map((each) => [each, each.holds]))
    await this.#memberships.of(userId)
    const looked = this.#lookedAt(userId)
    const open = await this.#guests.open(userId, looked)
    // From here to the last release nothing is awaited. Who leaves meanwhile is out of the list that is known at once.
    const list = new Set(this.#memberships.known(userId).map(({ channel_id }) => channel_id))
    for (const id of looked) if (!open.has(id)) this.#guests.remove(userId, id)
    const connections = this.#sockets.of(userId)
    for (const connection of connections) {
      // It was doubted once more: that is answered by itself.
      if (connection.holds !== (holds.get(connection) ?? 0)) continue
      for (const [id, stream] of [...connection.streams]) {
        if (list.has(id)) stream.isGuest = false
        else if (!stream.isGuest || (looked.includes(id) && !open.has(id))) {
          connection.tell(gone(id))
          this.#sockets.leave(connection, id)
        }
      }
      this.#streams.release(connection)
    }
    this.#surroundings.present(userId)
    for (const connection of connections) for (const id of list) await this.#comeIn(connection, id)
  }

  /** What a user sees of contract 3 without being in it. */
  #lookedAt(userId: string): string[] {
    const streams = this.#sockets.of(userId).flatMap((connection) => [...connection.streams.values()])
    return [...new Set(streams.filter(({ isGuest }) => isGuest).map(({ room }) => room.id))]
  }

  /** A channel is no more. */
  gone(channelId: string): void {
    this.#guests.close(channelId)
    const room = this.#sockets.rooms.get(channelId)
    for (const { connection } of [...(room?.streams.values() ?? [])]) {
      this.#memberships.remove(connection.identity.userId, channelId)
      connection.tell(gone(channelId))
      this.#sockets.leave(connection, channelId)
    }
  }

  /** A channel is public no more: who only looked at it sees what came before, and nothing after. */
  #hide(channelId: string, delivery: Delivery, upTo: number, now: number): void {
    for (const stream of this.#guestsIn(channelId)) this.#streams.deliverTo(stream, delivery, now, upTo)
    this.hidden(channelId)
  }

  /** Who only looked at a channel sees nothing of it any more. */
  hidden(channelId: string): void {
    this.#guests.close(channelId)
    for (const { connection } of this.#guestsIn(channelId)) this.#sockets.leave(connection, channelId)
  }

  #guestsIn(channelId: string): Stream[] {
    const streams = this.#sockets.rooms.get(channelId)?.streams.values() ?? []
    return [...streams].filter(({ isGuest }) => isGuest)
  }
}

const hides = ({ type, frame }: ChannelEvent): boolean =>
  type === 'channel.updated' && JSON.parse(frame).data.visibility === 'private'

/** What was said before somebody came is not unread to them. */
const added = (channelId: string, epoch: number, seq: number, readSeq = seq): string =>
  frame('channel.added', { ch: channelId, data: { epoch, seq, read_seq: readSeq } })

const notMember = (channelId: string): string =>
  frame('reset', { ch: channelId, data: { reason: 'not_member', epoch: null, head: null } })

const gone = (channelId: string): string => frame('channel.gone', { ch: channelId, data: {} })
