import type { SignalKind } from '../../lib/channel-commands.ts'
import type { Connection } from './connection.ts'
import { frame } from './frames.ts'
import type { Room } from './room.ts'
import type { Sockets } from './sockets.ts'

/** A reconnect shows nothing: who comes is shown after a second, who goes after ten. */
const ON_MS = 1_000
const OFF_MS = 10_000
const AWAY_MS = 300_000
/** Above it a channel tells how many are there, not who. */
const MAX_SHOWN = 200
const COUNT_EVERY_MS = 10_000
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
}

/** Who is there and who types: never stored, never repeated, and the first thing that is left out. */
export class Presence {
  readonly #surroundings: Surroundings
  readonly #shown = new Map<string, State>()
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #countedAt = new Map<string, number>()
  /** Of users whose last socket has gone, until that is told. */
  readonly #leftRooms = new Map<string, Room[]>()

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
  async focus(connection: Connection, channelIds: string[]): Promise<void> {
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
    for (const room of added) await this.#showRoom(connection, room)
  }

  typing(connection: Connection, channelId: string, threadId: string | null, now: number): void {
    const room = connection.streams.get(channelId)?.room
    if (!room || room.streams.size > MAX_TYPING || !connection.mayType(channelId, now)) return
    const { userId } = connection.identity
    const text = frame('typing', { ch: channelId, data: { user_id: userId, thread_id: threadId } })
    this.#tell(room.streams.keys(), text, userId)
    this.#surroundings.signal(channelId, text, 'typing', userId)
  }

  /** What another Gateway tells of a channel. */
  take(room: Room, text: string, kind: SignalKind, userId: string): void {
    if (kind === 'typing') this.#tell(room.streams.keys(), text, userId)
    else if (kind === 'presence') this.#tell(room.watchers, text, userId)
    else for (const [user, state] of this.#usersOf(room)) this.#signalState(room.id, user, state)
  }

  async #showRoom(connection: Connection, room: Room): Promise<void> {
    const channelId = room.id
    room.memberCount = await this.#countMembers(channelId)
    if (room.memberCount > MAX_SHOWN) return connection.send(this.#countFrame(room))
    for (const [userId, state] of this.#usersOf(room)) {
      connection.send(frame('presence', { ch: channelId, data: { user_id: userId, state } }))
    }
    this.#surroundings.signal(channelId, '', 'who', connection.identity.userId)
  }

  async #countMembers(channelId: string): Promise<number> {
    const counted = `SELECT count(*) AS n FROM (SELECT 1 FROM channel_members WHERE channel_id = ? LIMIT ${MAX_SHOWN + 1})`
    const row = await this.#surroundings.d1.prepare(counted).bind(channelId).first<{ n: number }>()
    return row!.n
  }

  #show(userId: string): void {
    this.#timers.delete(userId)
    const state = this.#stateOf(userId)
    if (state === (this.#shown.get(userId) ?? 'offline')) return
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
    const text = frame('presence', { ch: room.id, data: { user_id: userId, state } })
    this.#tell(room.watchers, text, userId)
    this.#signalState(room.id, userId, state)
  }

  #signalState(channelId: string, userId: string, state: State): void {
    const text = frame('presence', { ch: channelId, data: { user_id: userId, state } })
    this.#surroundings.signal(channelId, text, 'presence', userId)
  }

  #tell(connections: Iterable<Connection>, text: string, exceptUser: string): void {
    for (const connection of connections) {
      if (connection.isSeed || !connection.isReady || connection.identity.userId === exceptUser) continue
      // What may be lost is the first that a slow reader does not get.
      if (connection.credit.used <= 0.5) connection.send(text)
    }
  }

  #countFrame(room: Room): string {
    return frame('presence', { ch: room.id, data: { online: this.#usersOf(room).size } })
  }

  #usersOf(room: Room): Map<string, State> {
    const users = new Map<string, State>()
    for (const { connection, isGuest } of room.streams.values()) {
      const { userId } = connection.identity
      if (!isGuest) users.set(userId, this.#shown.get(userId) ?? 'online')
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
