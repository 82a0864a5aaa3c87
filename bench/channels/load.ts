import { setTimeout as sleep } from 'node:timers/promises'
import { type GroupProcess, machineSeconds, processesOf } from '../process-group.ts'
import { createTally, type Faults } from './tally.ts'
import { type Line, openLine, type Place, textOf } from './wires.ts'

// The load of one run, in a process of its own: `node load.ts` takes a `Load` as one line of JSON on stdin and answers with one
// line, a `Measured`. It joins the receivers, lets the first ones of them send, and checks the list of every one.
const HANDSHAKES_AT_ONCE = 64
const JOIN_MS = 60_000
const WARM_UP_MS = 500
const DRAIN_MS = 15_000
const CLOSE_MS = 3_000
const TICK_MS = 1_000
/** For 1,000 receivers 5 ms, where a message takes hundreds. */
const NAP_MS_PER_RECEIVER = 0.005

export type Load = {
  place: Omit<Place, 'token'>
  /** The leader of the server's process group. */
  serverPid: number
  receivers: number
  /** One per receiver, when the server asks for them. */
  tokens?: string[]
  tickets?: string[]
  senders: number
  bytes: number
  seconds: number
  /** Closed loop: so many messages are on their way at any time. Open loop: so many are sent per second, come what may. */
  pace: { inFlight: number } | { perSecond: number }
  /** The last `readers` of the receivers stop reading for `seconds`, in a second phase. */
  paused?: { readers: number; seconds: number }
}

export type Phase = {
  messagesPerSecond: number
  deliveriesPerSecond: number
  /** Milliseconds from sending until the last receiver has it. */
  p50: number
  p99: number
  /** Cores in use: by this process, by those of the server, and by whatever else the machine did. */
  loadCpu: number
  serverCpu: Record<string, number>
  othersCpu: number
}

export type Measured = Phase & {
  joinMs: number
  faults: Faults
  /** Unexpected ends of connections and refusals. A run with one is void, as is one with any of `faults`. */
  troubles: string[]
  dropped: number
  syncs: number
  /** Memory in megabytes: before the pause, at its worst and when all were read again. */
  paused?: Phase & { codes: number[]; memory: { before: number; most: number; after: number } }
}

const [line] = await new Promise<string[]>((done) => {
  let text = ''
  process.stdin.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
    if (text.endsWith('\n')) done([text])
  })
})
// The end of stdin tells that the benchmark is gone.
process.stdin.once('end', () => process.exit(1))
console.log(JSON.stringify(await measure(JSON.parse(line!))))
process.exit()

async function measure(load: Load): Promise<Measured> {
  const { receivers, senders, bytes, pace } = load
  const pausable = load.paused?.readers ?? 0
  const paused = new Set<number>()
  const troubles: string[] = []
  const codes: number[] = []
  const lines: Line[] = []
  const sentAt: number[] = []
  const latencies: number[] = []
  let isSending = false
  let isOver = false
  let closed = 0

  const tally = createTally(receivers, receivers - pausable, (message) => {
    latencies.push(performance.now() - sentAt[message]!)
    if (isSending && 'inFlight' in pace) send()
  })
  const send = (dueAt = performance.now()) => {
    const message = tally.send()
    sentAt.push(dueAt)
    lines[message % senders]!.send(message, textOf(message, bytes))
  }

  const join = (index: number) =>
    new Promise<void>((done) => {
      lines[index] = openLine(
        { ...load.place, token: load.tokens?.[index], ticket: load.tickets?.[index] },
        {
          onReady: done,
          onMessage: (message) => tally.deliver(index, message),
          onFault: (what) => troubles.push(what),
          onClose(code) {
            if (isOver) closed++
            else if (index < receivers - pausable) troubles.push(`receiver ${index} was closed, ${code}`)
            else {
              codes.push(code)
              lines[index]!.reconnect?.()
            }
          },
        },
      )
    })

  const startedAt = performance.now()
  await joinAll(receivers, join)
  const joinMs = performance.now() - startedAt
  const ticking = setInterval(() => {
    for (const [index, line] of lines.entries()) if (!paused.has(index)) line.tick?.()
  }, TICK_MS)

  const snapshot = () => ({
    at: performance.now(),
    completed: latencies.length,
    deliveries: tally.deliveries(),
    cpu: process.cpuUsage(),
    processes: processesOf(load.serverPid),
    machineSeconds: machineSeconds(),
  })
  const phase = async (seconds: number): Promise<Phase> => {
    const before = snapshot()
    await sleep(seconds * 1000)
    const after = snapshot()
    const elapsed = (after.at - before.at) / 1000
    const times = latencies.slice(before.completed, after.completed).sort((a, b) => a - b)
    const ownSeconds = (usage: NodeJS.CpuUsage) => (usage.user + usage.system) / 1e6
    const loadCpu = (ownSeconds(after.cpu) - ownSeconds(before.cpu)) / elapsed
    const serverCpu = cpuBetween(before.processes, after.processes, elapsed)
    const allCpu = (after.machineSeconds - before.machineSeconds) / elapsed
    return {
      messagesPerSecond: times.length / elapsed,
      deliveriesPerSecond: (after.deliveries - before.deliveries) / elapsed,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      loadCpu,
      serverCpu,
      othersCpu: Math.max(0, allCpu - loadCpu - sum(Object.values(serverCpu))),
    }
  }

  isSending = true
  if ('inFlight' in pace) {
    for (let n = 0; n < pace.inFlight; n++) send()
    nap(receivers * NAP_MS_PER_RECEIVER, () => !isOver)
  } else sendByClock(pace.perSecond, send, () => isSending)
  await sleep(WARM_UP_MS)
  const measured = await phase(load.seconds)
  const slow = load.paused && (await whilePaused(load.paused.seconds))
  isSending = false
  for (const end = performance.now() + DRAIN_MS; tally.missing() > 0 && performance.now() < end; ) await sleep(50)
  isOver = true
  clearInterval(ticking)
  const memory = slow && { ...slow.memory, after: memoryOf(load.serverPid) }
  for (const { socket } of lines) socket.close()
  for (const end = performance.now() + CLOSE_MS; closed < receivers && performance.now() < end; ) await sleep(50)
  return {
    joinMs,
    ...measured,
    faults: tally.faults(),
    troubles,
    dropped: sum(lines.map(({ counts }) => counts?.dropped ?? 0)),
    syncs: sum(lines.map(({ counts }) => counts?.syncs ?? 0)),
    paused: slow && { ...slow, codes, memory: memory! },
  }

  async function whilePaused(seconds: number) {
    const before = memoryOf(load.serverPid)
    let most = before
    for (let index = receivers - pausable; index < receivers; index++) {
      paused.add(index)
      lines[index]!.socket.pause()
    }
    const sampling = setInterval(() => {
      most = Math.max(most, memoryOf(load.serverPid))
    }, 500)
    const measured = await phase(seconds)
    clearInterval(sampling)
    for (const index of paused) lines[index]!.socket.resume()
    paused.clear()
    return { ...measured, memory: { before, most } }
  }
}

async function joinAll(receivers: number, join: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  let joined = 0
  const worker = async () => {
    while (next < receivers) {
      await join(next++)
      joined++
    }
  }
  const late = sleep(JOIN_MS, 'late', { ref: false })
  const workers = Promise.all(Array.from({ length: HANDSHAKES_AT_ONCE }, worker))
  if ((await Promise.race([workers, late])) === 'late') throw new Error(`Only ${joined} of ${receivers} could join`)
}

/**
 * Looks for what has come only every `ms`. To be woken for each frame takes more time than to read it, so the load would be
 * the bottleneck. Where it sends by the clock, it is not.
 */
function nap(ms: number, isGoingOn: () => boolean): void {
  const nobodyWakes = new Int32Array(new SharedArrayBuffer(4))
  const next = () => {
    if (!isGoingOn()) return
    Atomics.wait(nobodyWakes, 0, 0, ms)
    setImmediate(next)
  }
  next()
}

/** Sends by the clock, also what is overdue, which is late from when it was due. The last millisecond is waited for actively: timers come late. */
function sendByClock(perSecond: number, send: (dueAt: number) => void, isSending: () => boolean): void {
  const startedAt = performance.now()
  let sent = 0
  const dueAt = () => startedAt + (sent / perSecond) * 1000
  const next = () => {
    if (!isSending()) return
    for (; dueAt() <= performance.now(); sent++) send(dueAt())
    const waitMs = dueAt() - performance.now()
    if (waitMs > 2) setTimeout(next, waitMs - 2)
    else setImmediate(next)
  }
  next()
}

/** Cores that the processes of the server used, by name. */
function cpuBetween(before: GroupProcess[], after: GroupProcess[], elapsed: number): Record<string, number> {
  const used: Record<string, number> = {}
  for (const { pid, name, cpuSeconds } of after) {
    const cores = (cpuSeconds - (before.find((process) => process.pid === pid)?.cpuSeconds ?? 0)) / elapsed
    if (cores >= 0.01) used[name in used ? `${name} ${pid}` : name] = cores
  }
  return used
}

/** Of workerd alone where there is one: the script that has started it serves nobody. */
function memoryOf(group: number): number {
  const all = processesOf(group)
  const workerd = all.filter(({ name }) => name === 'workerd')
  return sum((workerd.length > 0 ? workerd : all).map(({ megabytes }) => megabytes))
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function quantile(sorted: number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
