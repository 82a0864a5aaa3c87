import type { Connection, Stream } from './connection.ts'
import { Room } from './room.ts'

/** The sockets of a Gateway: whose they are, and in which channels. */
export class Sockets {
  readonly all = new Map<WebSocket, Connection>()
  readonly rooms = new Map<string, Room>()
  /** What is on its way to all of them. */
  readonly outstanding = { bytes: 0 }
  readonly #byUser = new Map<string, Set<Connection>>()

  add(connection: Connection): void {
    this.all.set(connection.socket, connection)
    const { userId } = connection.identity
    const own = this.#byUser.get(userId)
    if (own) own.add(connection)
    else this.#byUser.set(userId, new Set([connection]))
  }

  remove(connection: Connection): void {
    this.all.delete(connection.socket)
    const { userId } = connection.identity
    const own = this.#byUser.get(userId)
    own?.delete(connection)
    if (own?.size === 0) this.#byUser.delete(userId)
    for (const channelId of [...connection.streams.keys()]) this.leave(connection, channelId)
  }

  /** In the order in which they came. */
  of(userId: string): Connection[] {
    return [...(this.#byUser.get(userId) ?? [])]
  }

  users(): IterableIterator<string> {
    return this.#byUser.keys()
  }

  /** Users who get nothing now, as it is not known where they are. */
  held(): string[] {
    return [...this.all.values()].filter(({ isHeld }) => isHeld).map(({ identity }) => identity.userId)
  }

  room(channelId: string): Room {
    let room = this.rooms.get(channelId)
    if (!room) {
      room = new Room(channelId)
      this.rooms.set(channelId, room)
    }
    return room
  }

  enter(connection: Connection, channelId: string, isGuest = false): Stream {
    return this.room(channelId).enter(connection, isGuest)
  }

  /** A room that nobody is in is forgotten: when its channel tells of something it hears that nobody wants to know. */
  leave(connection: Connection, channelId: string): void {
    const room = this.rooms.get(channelId)
    room?.leave(connection)
    if (room?.streams.size === 0) this.rooms.delete(channelId)
  }
}
