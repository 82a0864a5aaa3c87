import { describeError, type Log } from '../../http/log.ts'
import type { SignalKind } from '../../lib/channel-commands.ts'
import { batchFrame } from '../../lib/event-frames.ts'
import type { Connection } from './connection.ts'
import { frame } from './frames.ts'
import { LastWord } from './last-word.ts'
import type { Room } from './room.ts'
import type { Sockets } from './sockets.ts'

/** A reconnect shows nothing: who comes is shown after a second, who goes after ten. */
const ON_MS = 1_000
const OFF_MS = 10_000
const AWAY_MS = 300_000
/** Above it a channel tells how many are there, not who. */
const MAX_SHOWN = 200
const COUNT_EVERY_MS = 10_000
/** For so long the number of members is believed. */
const COUNTED_MS = 30_000
/** A socket looks elsewhere, and a channel is asked who is there, this often at most. */
const LOOK_EVERY_MS = 1_000
const MAX_BATCH = 100
/** Above it nobody is told who types. */
const MAX_TYPING = 1_000

type State = 'online' | 'away' | 'offline'

type Surroundings = {
  sockets: Sockets
  /** Tells the other Gateways that have sockets of a channel. */
  signal: (channelId: string, text: string, kind: SignalKind, userId: string) => void
  /** There are no other Gateways. */
  isAlone: boolean
  d1: D1Database
  log: Log
}

/** Who is there and who types: never stored, never repeated, and the first thing that is left out. */
export class Presence {
  readonly #surroundings: Surroundings
  readonly #shown = new Map<string, State>()
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #countedAt = new Map<string, number>()
  /** Of users whose last socket has gone, until that is told. */
  readonly #leftRooms = new Map<string, Room[]>()
  readonly #looks = new LastWord<Connection, string[]>(LOOK_EVERY_MS, (connection, ids) => this.#look(connection, ids))
  /** Whoever asks, the answer is for all who look. */
  readonly #asks = new LastWord<Room, string>(LOOK_EVERY_MS, ({ id }, userId) =>
    this.#surroundings.signal(id, '', 'who', userId),
  )

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  /** After hibernation: who has a socket was shown, and looked at the same channels. */
  restore(connection: Connection): void {
    this.#shown.set(connection.identity.userId, 'online')
    for (const id of connection.identity.focused) connection.streams.get(id)?.room.watchers.add(connection)
  }

  /** The socket of a user whose Gateway slept has gone; these were their channels. */
  goneAsleep(userId: string, channelIds: string[]): void {
    const rooms = channelIds.map((id) => this.#surroundings.sockets.rooms.get(id))
    this.#shown.set(userId, 'online')
    this.#leftRooms.set(
      userId,
      rooms.filter((room) => room !== undefined),
    )
    this.changed(userId)
  }

  /** A socket of this user came or went; at once when they have said goodbye. */
  changed(userId: string, isGoodbye = false): void {
    clearTimeout(this.#timers.get(userId))
    this.#timers.delete(userId)
    const state = this.#stateOf(userId)
    if (state === (this.#shown.get(userId) ?? 'offline')) return
    if (isGoodbye) this.#show(userId)
    else
      this.#timers.set(
        userId,
        setTimeout(() => this.#show(userId), state === 'offline' ? OFF_MS : ON_MS),
      )
  }

  /** Looks who has been away for long enough. */
  review(): void {
    for (const userId of this.#surroundings.sockets.users()) {
      if (this.#shown.has(userId) && this.#shown.get(userId) !== this.#stateOf(userId)) this.#show(userId)
    }
  }

  /** A client looks at these channels, and is shown who is there. */
  focus(connection: Connection, channelIds: string[]): void {
    this.#looks.say(connection, channelIds)
  }

  #look(connection: Connection, channelIds: string[]): void {
    if (connection.isClosed) return
    if (connection.isHeld) {
      // It is not known what they may see.
      this.#looks.say(connection, channelIds)
      return
    }
    const isBack = connection.unfocusedSince !== undefined && channelIds.length > 0
    connection.unfocusedSince = channelIds.length === 0 ? (connection.unfocusedSince ?? Date.now()) : undefined
    const looked = new Set(channelIds)
    const added: Room[] = []
    for (const { room, isGuest } of connection.streams.values()) {
      if (!looked.has(room.id) || isGuest) room.watchers.delete(connection)
      else if (!room.watchers.has(connection)) added.push(room)
    }
    for (const room of added) room.watchers.add(connection)
    connection.identity.focused = channelIds
    connection.remember()
    if (isBack) this.changed(connection.identity.userId)
    this.#showRooms(connection, added).catch((error) => {
      this.#surroundings.log('warn', 'presence_not_shown', describeError(error))
    })
  }

  async #showRooms(connection: Connection, rooms: Room[]): Promise<void> {
    for (const room of rooms) await this.#showRoom(connection, room)
  }

  typing(connection: Connection, channelId: string, threadId: string | null, now: number): void {
    const room = connection.streams.get(channelId)?.room
    if (!room || connection.isHeld || room.streams.size > MAX_TYPING || !connection.mayType(channelId, now)) return
    const { userId } = connection.identity
    const text = frame('typing', { ch: channelId, data: { user_id: userId, thread_id: threadId } })
    this.#tell(room.streams.keys(), text, userId)
    this.#surroundings.signal(channelId, text, 'typing', userId)
  }

  /** What another Gateway tells of a channel. */
  take(room: Room, text: string, kind: SignalKind, userId: string): void {
    if (kind === 'typing') {
      if (room.streams.size <= MAX_TYPING) this.#tell(room.streams.keys(), text, userId)
    } else if (kind === 'presence') this.#tell(room.watchers, text, userId)
    else for (const batch of this.#stateFrames(room)) this.#surroundings.signal(room.id, batch, 'presence', '')
  }

  async #showRoom(connection: Connection, room: Room): Promise<void> {
    if (Date.now() - room.countedAt >= COUNTED_MS) {
      room.counting ??= this.#countMembers(room).finally(() => {
        room.counting = undefined
      })
      await room.counting
    }
    // It may have turned away, or been taken out.
    if (!room.watchers.has(connection)) return
    if (room.memberCount! > MAX_SHOWN) return this.#tell([connection], this.#countFrame(room), '')
    for (const batch of this.#stateFrames(room)) this.#tell([connection], batch, '')
    this.#asks.say(room, connection.identity.userId)
  }

  async #countMembers(room: Room): Promise<void> {
    const counted = `SELECT count(*) AS n FROM (SELECT 1 FROM channel_members WHERE channel_id = ? LIMIT ${MAX_SHOWN + 1})`
    const row = await this.#surroundings.d1.prepare(counted).bind(room.id).first<{ n: number }>()
    room.memberCount = row!.n
    room.countedAt = Date.now()
  }

  #show(userId: string): void {
    this.#timers.delete(userId)
    const state = this.#stateOf(userId)
    if (state === (this.#shown.get(userId) ?? 'offline')) return
    // Where they are is not known: it is shown when it is.
    if (this.#surroundings.sockets.of(userId).some(({ isHeld }) => isHeld)) return
    const rooms = this.#roomsOf(userId)
    if (state === 'offline') this.#shown.delete(userId)
    else this.#shown.set(userId, state)
    for (const room of rooms) this.#tellState(room, userId, state)
    if (state === 'offline') this.#leftRooms.delete(userId)
  }

  /** The rooms of a user; also of one whose last socket has gone. */
  #roomsOf(userId: string): Room[] {
    const { sockets } = this.#surroundings
    const own = sockets.of(userId).flatMap(({ streams }) => [...streams.values()].map(({ room }) => room))
    return own.length > 0
      ? [...new Set(own)]
      : (this.#leftRooms.get(userId) ?? []).filter(({ streams }) => streams.size > 0)
  }

  /** Before a socket is taken out of its rooms: they are told later that its user has gone. */
  leaving(connection: Connection): void {
    const rooms = [...connection.streams.values()].map(({ room }) => room)
    this.#leftRooms.set(connection.identity.userId, rooms)
    if (this.#leftRooms.size > 1_000) this.#leftRooms.clear()
  }

  #tellState(room: Room, userId: string, state: State): void {
    if (room.watchers.size === 0 && this.#surroundings.isAlone) return
    if ((room.memberCount ?? 0) > MAX_SHOWN) {
      const now = Date.now()
      if (now - (this.#countedAt.get(room.id) ?? 0) < COUNT_EVERY_MS) return
      this.#countedAt.set(room.id, now)
      this.#tell(room.watchers, this.#countFrame(room), '')
      return
    }
    const text = stateFrame(room, userId, state)
    this.#tell(room.watchers, text, userId)
    this.#surroundings.signal(room.id, text, 'presence', userId)
  }

  /** Who is there, in as few frames as can be. */
  #stateFrames(room: Room): string[] {
    const frames = [...this.#usersOf(room)].map(([userId, state]) => stateFrame(room, userId, state))
    const batches: string[] = []
    for (let at = 0; at < frames.length; at += MAX_BATCH) {
      const some = frames.slice(at, at + MAX_BATCH)
      batches.push(batchFrame(some.join(','), some.length))
    }
    return batches
  }

  #tell(connections: Iterable<Connection>, text: string, exceptUser: string): void {
    for (const connection of connections) {
      if (!connection.isHeld && connection.identity.userId !== exceptUser) connection.hint(text)
    }
  }

  #countFrame(room: Room): string {
    return frame('presence', { ch: room.id, data: { online: this.#usersOf(room).size } })
  }

  #usersOf(room: Room): Map<string, State> {
    const users = new Map<string, State>()
    for (const { connection, isGuest } of room.streams.values()) {
      const { userId } = connection.identity
      if (!isGuest && !connection.isHeld) users.set(userId, this.#shown.get(userId) ?? 'online')
    }
    return users
  }

  #stateOf(userId: string): State {
    const connections = this.#surroundings.sockets.of(userId).filter(({ isReady }) => isReady)
    if (connections.length === 0) return 'offline'
    const now = Date.now()
    const isAway = connections.every(
      ({ unfocusedSince }) => unfocusedSince !== undefined && now - unfocusedSince >= AWAY_MS,
    )
    return isAway ? 'away' : 'online'
  }
}

const stateFrame = ({ id }: Room, userId: string, state: State): string =>
  frame('presence', { ch: id, data: { user_id: userId, state } })
