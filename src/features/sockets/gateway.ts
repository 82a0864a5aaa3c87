import { DurableObject } from 'cloudflare:workers'
import { type Config, configOf } from '../../env.ts'
import { describeError, type Log, openLog } from '../../http/log.ts'
import type { Outcome, Push, Pushed, SignalKind } from '../../lib/channel-commands.ts'
import { CLOSE, type CloseCode } from '../../lib/close-codes.ts'
import { ADMISSION, type Admission } from './admission.ts'
import { Attendance } from './attendance.ts'
import { Connection, GATHER_MS, type Identity } from './connection.ts'
import { frame, helloFrame, PING, PONG } from './frames.ts'
import { Guests } from './guests.ts'
import { Memberships } from './memberships.ts'
import { Openings } from './openings.ts'
import { Presence } from './presence.ts'
import { ReadMarks } from './read-marks.ts'
import { refuseSocket, upgraded } from './refusal.ts'
import { Sockets } from './sockets.ts'
import { SpentTickets, TICKET_MS } from './spent-tickets.ts'
import { Streams } from './streams.ts'
import { closeEnded, closeOverdue, compareHeads, nextDue, RECONNECT_MS, RESUME_MS } from './tick.ts'

type ChannelStub = ReturnType<Env['CHANNEL']['getByName']>
const MAX_STUBS = 10_000

/**
 * The sockets of a shard of the users. It knows where each is in each channel, brings it what it has not, and takes what it says to
 * the channels (docs/realtime.md). It hibernates: all that it has in memory can be found again.
 */
export class Gateway extends DurableObject<Env> {
  readonly #shard: number
  readonly #config: Config
  readonly #log: Log
  readonly #sockets = new Sockets()
  readonly #streams: Streams
  readonly #memberships: Memberships
  readonly #guests: Guests
  readonly #openings = new Openings()
  readonly #attendance: Attendance
  readonly #presence: Presence
  readonly #readMarks: ReadMarks
  readonly #tickets: SpentTickets
  readonly #channels = new Map<string, ChannelStub>()
  #incoming!: typeof import('./incoming.ts')
  #gathered = new Set<Connection>()
  #alarmAt: number | undefined
  #sessionsCheckedAt = 0

  constructor(state: DurableObjectState, env: Env) {
    super(state, env)
    // Schemas of frames, which the Worker starts without. Nothing comes in before.
    void state.blockConcurrencyWhile(async () => {
      this.#incoming = await import('./incoming.ts')
    })
    this.#shard = Number(state.id.name!.slice('g:'.length))
    this.#config = configOf(env)
    this.#log = openLog({ gateway: this.#shard })
    this.#memberships = new Memberships(state.storage, env.DB)
    this.#guests = new Guests(state.storage.sql, env.DB)
    this.#tickets = new SpentTickets(state.storage.sql)
    this.#streams = new Streams(this.#sockets, {
      subscribe: (id) => this.#ask(id, (channel) => channel.subscribe(this.#shard)),
      read: (id, after, limit) => this.#ask(id, (channel) => channel.read(this.#shard, after, limit)),
      doubted: (userIds) => this.#attendance.reconsider(userIds),
      gone: (id) => this.#attendance.gone(id),
      hidden: (id) => this.#attendance.hidden(id),
      gathered: (connection) => this.#flushSoon(connection),
      log: this.#log,
    })
    this.#presence = new Presence({
      sockets: this.#sockets,
      signal: (id, text, kind, userId) => this.#signalOthers(id, text, kind, userId),
      isAlone: this.#config.SOCKET_SHARDS === 1,
      d1: env.DB,
      log: this.#log,
    })
    this.#attendance = new Attendance({
      sockets: this.#sockets,
      streams: this.#streams,
      memberships: this.#memberships,
      guests: this.#guests,
      seedChannels: this.#config.SEED_OPEN_CHANNELS,
      present: (userId) => this.#presence.changed(userId),
      sendAway: (connection) => this.#sendAway(connection),
      log: this.#log,
    })
    this.#readMarks = new ReadMarks({
      d1: env.DB,
      moved: (userId, id, seq) => this.#showRead(userId, id, seq),
      log: this.#log,
    })
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
    for (const socket of state.getWebSockets()) this.#wake(socket)
    const seeds = [...this.#sockets.all.values()].filter(({ isSeed }) => isSeed)
    this.#guests.keepOnly(seeds.map(({ identity }) => identity.userId))
  }

  /** Takes a socket that the Worker has let in. */
  override async fetch(request: Request): Promise<Response> {
    const { identity, protocol, ticket }: Admission = JSON.parse(decodeURIComponent(request.headers.get(ADMISSION)!))
    const { userId, sessionId, since } = identity
    const isSeed = identity.mode === 'seed'
    if (!this.#openings.allows(userId, Date.now())) return refuseSocket(CLOSE.abuse, protocol, isSeed)
    const isEnded = this.#tickets.haveEnded([sessionId, userId], ticket?.expiresAt ?? since + TICKET_MS)
    if (isEnded || (ticket && !this.#tickets.spend(ticket.id, ticket.expiresAt))) {
      return refuseSocket(CLOSE.badCredential, protocol, isSeed)
    }
    const own = this.#sockets.of(userId)
    const tooMany = Math.max(0, own.length + 1 - this.#config.SOCKETS_PER_USER)
    for (const oldest of own.slice(0, tooMany)) this.#end(oldest, CLOSE.tooMany)
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    const connection = this.#open(server, identity)
    connection.remember()
    if (connection.isSeed) void this.#attendance.startSeed(connection)
    else connection.send(helloFrame(identity))
    this.#arm(Math.min(RESUME_MS, this.#config.SOCKET_TICK_MS))
    return upgraded(client, protocol)
  }

  /** What has happened in a channel. Tells whether anybody here is in it. */
  push({ channel, epoch, events, to }: Push): Pushed {
    const known = this.#sockets.rooms.get(channel)
    if (known?.epoch !== undefined && known.epoch !== epoch) this.#streams.restart(known, epoch, to)
    this.#attendance.take(channel, epoch, events)
    return { wants: this.#sockets.rooms.has(channel) }
  }

  /** What another Gateway tells of a channel, and may be lost. */
  signal(channelId: string, text: string, kind: SignalKind, userId: string): void {
    const room = this.#sockets.rooms.get(channelId)
    if (room) this.#presence.take(room, text, kind, userId)
  }

  /** There is a new channel: for its members, and for those who see all public ones (contract 3). */
  opened(channelId: string, members: string[], isPublic: boolean): Promise<void> {
    return this.#attendance.opened(channelId, members, isPublic)
  }

  /** What this Gateway knows of these users may be wrong: they get nothing more until it has looked anew. */
  doubt(userIds: string[]): Promise<void> {
    return this.#attendance.reconsider(userIds)
  }

  /** A user has read a channel up to here. */
  readUpTo(userId: string, channelId: string, seq: number): void {
    this.#showRead(userId, channelId, seq)
  }

  /** Ends the sockets of these sessions of a user, or all of the user's; what would open new ones opens none. */
  close(userId: string, sessionIds: string[] | undefined, code: CloseCode): void {
    for (const id of sessionIds ?? [userId]) this.#tickets.end(id, Date.now())
    for (const connection of this.#sockets.of(userId)) {
      if (!sessionIds || sessionIds.includes(connection.identity.sessionId)) this.#end(connection, code)
    }
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const connection = this.#sockets.all.get(socket)
    if (!connection || connection.isClosed) return
    await this.#incoming.takeFrame(connection, message, {
      submit: async (id, command) => (await this.#ask(id, (channel) => channel.submit([command])))[0] as Outcome,
      resume: (each, id, streams) => this.#attendance.resume(each, id, streams),
      sync: (each, channelId, after) => this.#attendance.sync(each, channelId, after),
      confirm: (each, positions) => this.#streams.confirm(each, positions, Date.now()),
      read: (each, channelId, seq, id) => this.#readMarks.move(each, channelId, seq, id),
      type: (each, channelId, threadId) => this.#presence.typing(each, channelId, threadId, Date.now()),
      focus: (each, channelIds) => this.#presence.focus(each, channelIds),
      log: this.#log,
    })
    if (connection.isClosed) this.#forget(connection)
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    const connection = this.#sockets.all.get(socket)
    if (connection) this.#forget(connection, code === CLOSE.bye)
    else this.#missed(socket)
    // Answers a closing handshake that the platform has not answered yet.
    socket.close()
  }

  override webSocketError(socket: WebSocket): void {
    this.webSocketClose(socket, 1006)
  }

  /** The tick: what no message tells is found here. It goes on while there is a socket. */
  override async alarm(): Promise<void> {
    this.#alarmAt = undefined
    const now = Date.now()
    const tickMs = this.#config.SOCKET_TICK_MS
    const forget = (connection: Connection) => this.#forget(connection)
    try {
      const lastPing = ({ socket }: Connection) => this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0
      closeOverdue(this.#sockets, now, tickMs, lastPing, forget)
      this.#tickets.forget(now)
      this.#memberships.forget(this.#sockets.users())
      this.#presence.review()
      const failed = (error: unknown) => this.#log('warn', 'channel_not_reached', describeError(error))
      await compareHeads(this.#sockets, this.#streams, this.env.DB, (id) => this.#attendance.gone(id), failed)
      // Also when another socket of theirs has had the list read.
      await this.#attendance.refresh([...this.#memberships.stale(this.#sockets.users()), ...this.#sockets.held()])
      // At the first tick after hibernation too: nobody knows when it was done.
      if (now - this.#sessionsCheckedAt >= 1.5 * tickMs) {
        await closeEnded(this.#sockets, this.env.DB, now, forget)
        this.#sessionsCheckedAt = now
      }
    } catch (error) {
      this.#log('error', 'tick_failed', describeError(error))
    } finally {
      if (this.#sockets.all.size > 0) this.#arm(nextDue(this.#sockets, Date.now(), tickMs))
    }
  }

  /** Calls a channel by the one stub for it, so that calls arrive in the order in which they were made. */
  async #ask<T>(channelId: string, call: (channel: ChannelStub) => Promise<T>): Promise<T> {
    let stub = this.#channels.get(channelId)
    if (!stub) {
      if (this.#channels.size > MAX_STUBS) this.#channels.clear()
      stub = this.env.CHANNEL.getByName(channelId)
      this.#channels.set(channelId, stub)
    }
    try {
      return await call(stub)
    } catch (error) {
      // A stub that has failed once fails for ever.
      this.#channels.delete(channelId)
      throw error
    }
  }

  #showRead(userId: string, channelId: string, seq: number): void {
    this.#memberships.setRead(userId, channelId, seq)
    for (const connection of this.#sockets.of(userId)) {
      if (!connection.streams.has(channelId)) continue
      connection.tell(frame('read.updated', { ch: channelId, data: { read_seq: seq } }))
    }
  }

  #signalOthers(channelId: string, text: string, kind: SignalKind, userId: string): void {
    if (this.#config.SOCKET_SHARDS === 1) return
    this.#ask(channelId, (channel) => channel.signal(this.#shard, text, kind, userId)).catch(() => {})
  }

  #open(socket: WebSocket, identity: Identity): Connection {
    const { SOCKET_FRAME_LIMIT } = this.#config
    const connection = new Connection(socket, identity, SOCKET_FRAME_LIMIT, this.#sockets.outstanding, Date.now())
    this.#sockets.add(connection)
    return connection
  }

  /** A socket that was there before hibernation. Where it is in its channels only its client knows. */
  #wake(socket: WebSocket): void {
    const connection = this.#open(socket, socket.deserializeAttachment())
    const { userId } = connection.identity
    // Not now: when it was nobody knows, but when its last ping was.
    connection.lastFrameAt = 0
    if (!connection.isReady) return
    // What was doubted was not settled before: the tick does it.
    connection.isHeld = this.#memberships.isDoubted(userId)
    for (const { channel_id } of this.#memberships.known(userId))
      this.#sockets.enter(connection, channel_id).isLive = !connection.isHeld
    if (connection.isSeed) for (const id of this.#guests.of(userId)) this.#sockets.enter(connection, id, true)
    this.#presence.restore(connection)
  }

  #end(connection: Connection, code: CloseCode): void {
    connection.close(code)
    this.#forget(connection)
  }

  #forget(connection: Connection, isGoodbye = false): void {
    if (!this.#sockets.all.has(connection.socket)) return
    connection.isClosed = true
    this.#presence.leaving(connection)
    this.#gathered.delete(connection)
    this.#sockets.remove(connection)
    const { userId } = connection.identity
    this.#forgetGuest(connection.identity)
    this.#presence.changed(userId, isGoodbye)
  }

  /** What only a socket of contract 3 sees is seen no more when its user has none. */
  #forgetGuest({ userId, mode }: Identity): void {
    if (mode === 'seed' && !this.#sockets.of(userId).some(({ isSeed }) => isSeed)) this.#guests.forget(userId)
  }

  /** A socket ended while this object slept. */
  #missed(socket: WebSocket): void {
    const identity: Identity | null = socket.deserializeAttachment()
    if (identity) this.#forgetGuest(identity)
    if (!identity?.hasResumed || this.#sockets.of(identity.userId).length > 0) return
    const channels = this.#memberships.known(identity.userId).map(({ channel_id }) => channel_id)
    this.#presence.goneAsleep(identity.userId, channels)
  }

  /** What a client asked for cannot be done here now: it is to come again. */
  #sendAway(connection: Connection): void {
    connection.tell(frame('reconnect', { data: { after_ms: RECONNECT_MS } }))
    this.#end(connection, CLOSE.reconnect)
  }

  #flushSoon(connection: Connection): void {
    if (this.#gathered.size === 0) setTimeout(() => this.#flush(), GATHER_MS)
    this.#gathered.add(connection)
  }

  #flush(): void {
    const gathered = this.#gathered
    this.#gathered = new Set()
    for (const connection of gathered) connection.flush()
  }

  /** The next tick is in so many milliseconds at the latest. What leaves this object waits until it is set. */
  #arm(ms: number): void {
    const at = Date.now() + ms
    if (at >= (this.#alarmAt ?? Number.POSITIVE_INFINITY)) return
    this.#alarmAt = at
    void this.ctx.storage.setAlarm(at)
  }
}
