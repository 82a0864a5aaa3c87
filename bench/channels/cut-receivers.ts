import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../clients/realtime/client.ts'
import { type CuttableProxy, startCuttableProxy } from '../../test/support/cuttable-proxy.ts'
import { seeded } from '../../test/support/seeded.ts'
import { type Follower, type Frame, followChannel } from './follow-channel.ts'
import { type ChatUser, call, channelOf, registerUsers } from './parley.ts'
import { overPartySocket, overWs, type Transport } from './transports.ts'
import { textOf } from './wires.ts'

const SENDERS = 4
const ON_PARTYSOCKET_ONE_IN = 5
const ON_REFERENCE_ONE_IN = 10
/** Whom the network drops in silence notices after so long, as there is always something to come. */
const SILENT_S = 2
const THROTTLED_BYTES_PER_S = 3_000
const THROTTLED_MS = 1_000
const RESEND_MS = 10_000
const JOIN_MS = 30_000
const SETTLE_MS = 90_000
/** No cut is planned in the last seconds, so that all are noticed while messages still come. */
const QUIET_END_MS = 4_500
const PAGE = 100

export type Jitter = {
  url: string
  receivers: number
  perSecond: number
  seconds: number
  cutsEach: number
  /** The least and the most that a client stays away. */
  awayMs: [number, number]
  /** Makes cuts repeatable. */
  seed: number
  /** Once, when half of the messages are sent: such as a kill of the server, and a new one on its port and state. */
  halfway?: () => Promise<void>
}

export type Outcome = {
  sent: number
  acked: number
  inHistory: number
  /** Acknowledged messages that history has not exactly once. */
  notOnce: number
  /** At all receivers together, against history. */
  lost: number
  repeated: number
  outOfOrder: number
  /** Receivers that were behind when it was too late, and senders with messages that nobody acknowledged. */
  stuck: number
  cuts: Record<Cut, number>
  /** Connections that ended, by close code. */
  closes: Record<number, number>
  /** On the wire: sent twice and dropped, gaps that were asked for, positions that the server did not accept. */
  dropped: number
  syncs: number
  resets: number
  /** Sent again, and acknowledged as known. */
  duplicateAcks: number
  refusals: string[]
}

type Cut = 'destroyed' | 'blackholed' | 'throttled'
type Applied = { seq: number; number: number }
type Client = {
  follower: Pick<Follower, 'tick' | 'position' | 'counts'>
  transport: Omit<Transport, 'drop'>
  proxy: CuttableProxy
  applied: Applied[]
  isLive: boolean
  /** It sends again by itself, and takes silence for an end as late as clients do, which is too late here. */
  isReference?: true
}
type Sender = { client: Client; outbox: Map<string, { number: number; sentAt: number }> }

/**
 * Receivers behind a network that cuts them, at least one sender among them, and what they have in the end against the
 * history that REST gives.
 */
export async function cutReceivers(jitter: Jitter): Promise<Outcome> {
  const { url, receivers, perSecond, seconds } = jitter
  const random = seeded(jitter.seed)
  const users = await registerUsers(url, receivers + SENDERS)
  const channel = await channelOf(url, users)
  const closes: Record<number, number> = {}
  const acked = new Set<number>()
  const refusals: string[] = []
  let duplicateAcks = 0
  let isSending = true
  let isOver = false

  const senders: Sender[] = []
  const clients = await Promise.all(
    users.map((user, index) => (index % ON_REFERENCE_ONE_IN === 1 ? joinOverReference(user) : join(user, index))),
  )
  for (const client of clients.slice(receivers)) senders.push({ client, outbox: new Map() })
  const receiving = clients.slice(0, receivers)
  // Two senders, over two clients, are cut like the receivers, so that messages are sent again.
  const cuts = planCuts([...receiving, senders[0]!.client, senders[1]!.client], jitter, random)
  const ticking = setInterval(() => {
    for (const { follower } of clients) follower.tick()
    for (const sender of senders) if (!sender.client.isReference) resend(sender, RESEND_MS)
  }, 1_000)

  try {
    if (!(await until(JOIN_MS, () => clients.every(({ isLive }) => isLive))))
      throw new Error(`Not all could join; connections ended with ${JSON.stringify(closes)}`)
    cuts.start()
    const total = perSecond * seconds
    let other: Promise<void> | undefined
    const startedAt = performance.now()
    for (let number = 0; number < total; number++) {
      await sleep(Math.max(0, startedAt + (number / perSecond) * 1000 - performance.now()))
      if (number === Math.floor(total / 2)) other = jitter.halfway?.()
      send(senders[number % SENDERS]!, number)
    }
    isSending = false
    await other
    const end = performance.now() + SETTLE_MS
    await until(end - performance.now(), () => senders.every(({ outbox }) => outbox.size === 0))
    const history = await historyOf(url, channel, users[0]!)
    const head = history.at(-1)?.seq ?? 0
    const isBehind = ({ follower }: Client) => (follower.position()?.seq ?? 0) < head
    await until(end - performance.now(), () => !receiving.some(isBehind))
    const stuck = receiving.filter(isBehind).length + senders.filter(({ outbox }) => outbox.size > 0).length
    const count = (of: (client: Client) => number) => clients.reduce((sum, client) => sum + of(client), 0)
    const times = new Map<number, number>()
    for (const { number } of history) times.set(number, (times.get(number) ?? 0) + 1)
    return {
      sent: total,
      acked: acked.size,
      inHistory: history.length,
      notOnce: [...acked].filter((number) => times.get(number) !== 1).length,
      ...compared(receiving, history),
      stuck,
      cuts: cuts.made,
      closes,
      dropped: count(({ follower }) => follower.counts.dropped),
      syncs: count(({ follower }) => follower.counts.syncs),
      resets: count(({ follower }) => follower.counts.resets),
      duplicateAcks,
      refusals,
    }
  } finally {
    isOver = true
    cuts.stop()
    clearInterval(ticking)
    for (const { transport } of clients) transport.close()
    await Promise.all(clients.map(({ proxy }) => proxy.close()))
  }

  async function join({ token }: ChatUser, index: number): Promise<Client> {
    const proxy = await startCuttableProxy(Number(new URL(url).port))
    const open = index % ON_PARTYSOCKET_ONE_IN === 0 ? overPartySocket : overWs
    const [least, most] = jitter.awayMs
    const applied: Applied[] = []
    const follower = followChannel({
      channel,
      send: (text) => client.transport.send(text),
      apply: ({ type, seq, data }) => type === 'message' && applied.push({ seq: seq!, number: numberOf(data.content) }),
      onResumed() {
        client.isLive = true
        const sender = senders.find((one) => one.client === client)
        if (sender) resend(sender, 0)
      },
      onAnswer: (frame) => takeAnswer(client, frame),
      silentS: SILENT_S,
      onSilent: () => isSending && transport.drop(),
    })
    const transport = open({
      url: proxy.url.replace('http', 'ws'),
      ticketUrl: url,
      token,
      awayMs: () => least + random() * (most - least),
      onFrame: follower.take,
      onClose(code) {
        client.isLive = false
        if (!isOver) closes[code] = (closes[code] ?? 0) + 1
      },
    })
    const client: Client = { follower, transport, proxy, applied, isLive: false }
    return client
  }

  /** The reference client, which knows by itself when to come back, what it has not and what to send again. */
  async function joinOverReference({ token }: ChatUser): Promise<Client> {
    const proxy = await startCuttableProxy(Number(new URL(url).port))
    const applied: Applied[] = []
    const counts = { dropped: 0, syncs: 0, resets: 0 }
    const reference = connect({
      url: proxy.url,
      token: () => token,
      onEvent: ({ type, ch, seq, data }) =>
        ch === channel && type === 'message' && applied.push({ seq, number: numberOf(data.content!) }),
      onReset: () => counts.resets++,
      onState(state) {
        client.isLive = state.state === 'open'
        const ending = 'after' in state ? state.after : undefined
        if (ending) closes[ending.code] = (closes[ending.code] ?? 0) + 1
      },
    })
    const send = (text: string) => {
      const { id, data } = JSON.parse(text)
      reference.send(data.channel_id, data.content, { nonce: data.nonce }).then(
        ({ duplicate }) => takeAnswer(client, { type: 'ack', id, data: { duplicate } }),
        (data) => takeAnswer(client, { type: 'error', id, data }),
      )
    }
    const client: Client = {
      follower: { tick() {}, position: () => reference.positions()[channel], counts },
      transport: { send, close: reference.close },
      proxy,
      applied,
      isLive: false,
      isReference: true,
    }
    return client
  }

  function send({ client, outbox }: Sender, number: number): void {
    const nonce = `n${number}`
    outbox.set(nonce, { number, sentAt: performance.now() })
    const data = { channel_id: channel, content: textOf(number, 100), nonce }
    if (client.isLive || client.isReference)
      client.transport.send(JSON.stringify({ type: 'message.send', id: nonce, data }))
  }

  /** With the nonces of the first time, what nobody acknowledged for `ms`. */
  function resend(sender: Sender, ms: number): void {
    const before = performance.now() - ms
    for (const { number, sentAt } of [...sender.outbox.values()]) if (sentAt <= before) send(sender, number)
  }

  function takeAnswer(client: Client, { type, id, data }: Frame): void {
    const outbox = senders.find((one) => one.client === client)?.outbox
    const waiting = outbox?.get(id!)
    if (type === 'ack' && waiting) {
      outbox!.delete(id!)
      acked.add(waiting.number)
      if (data.duplicate) duplicateAcks++
    } else if (type === 'error') {
      refusals.push(`${data.code}: ${data.message}`)
      // It is sent again by the clock; what will never be taken stays in the outbox and is found there.
    }
  }
}

/** Every client is cut so many times, at chance moments and in one of three ways. */
function planCuts(clients: Client[], { seconds, cutsEach }: Jitter, random: () => number) {
  const made: Record<Cut, number> = { destroyed: 0, blackholed: 0, throttled: 0 }
  const timers: NodeJS.Timeout[] = []
  const windowMs = seconds * 1000 - QUIET_END_MS
  const cut = ({ proxy, isReference }: Client) => {
    const connection = proxy.connections().at(-1)
    if (!connection) return
    const chance = random()
    const way: Cut = chance < 0.5 ? 'destroyed' : chance < 0.75 ? 'blackholed' : 'throttled'
    made[way]++
    if (way === 'destroyed') connection.destroy()
    else if (way === 'blackholed') {
      connection.blackhole()
      if (isReference) timers.push(setTimeout(connection.destroy, SILENT_S * 1_000))
    } else {
      connection.throttle(THROTTLED_BYTES_PER_S)
      timers.push(setTimeout(connection.destroy, THROTTLED_MS))
    }
  }
  const start = () => {
    for (const client of clients)
      for (let nth = 0; nth < cutsEach; nth++)
        timers.push(setTimeout(cut, ((nth + random()) / cutsEach) * windowMs, client))
  }
  return { made, start, stop: () => timers.forEach(clearTimeout) }
}

async function historyOf(url: string, channel: string, { token }: ChatUser): Promise<Applied[]> {
  const history: Applied[] = []
  for (let after = 0; ; ) {
    const path = `/channels/${channel}/messages?after_seq=${after}&limit=${PAGE}`
    const page = await call<{ seq: number; content: string }[]>(url, path, undefined, token)
    history.push(...page.map(({ seq, content }) => ({ seq, number: numberOf(content) })))
    if (page.length < PAGE) return history
    after = page.at(-1)!.seq
  }
}

function compared(receivers: Client[], history: Applied[]): Pick<Outcome, 'lost' | 'repeated' | 'outOfOrder'> {
  const found = { lost: 0, repeated: 0, outOfOrder: 0 }
  const keyOf = ({ seq, number }: Applied) => `${seq}:${number}`
  for (const { applied } of receivers) {
    const mine = new Set(applied.map(keyOf))
    found.lost += history.filter((message) => !mine.has(keyOf(message))).length
    found.repeated += applied.length - mine.size
    found.outOfOrder += applied.filter(({ seq }, at) => at > 0 && seq < applied[at - 1]!.seq).length
  }
  return found
}

const numberOf = (content: string) => Number(content.split(' ')[0])

/** Whether it became so in `ms`. */
async function until(ms: number, isSo: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ms; !isSo(); await sleep(50)) if (performance.now() > end) return false
  return true
}
