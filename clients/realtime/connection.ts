import { reconnectMs } from './back-off.ts'

const PING = '{"type":"ping"}'
const PING_MS = 25_000
/** Pings without any frame until the line counts as dead: 55 s. */
const SILENT_PINGS = 2.2
const TICKET_MS = 15_000
const STABLE_MS = 60_000
/** A line that is checked must answer within this. */
const CHECK_MS = 5_000
/** Endings of the network's making: no answer, a cut, silence. */
const CUTS = new Set([0, 1006, 4101])

/** Why a connection ended: its close code, the HTTP status that refused a ticket, or 0 when there was no answer. */
export type Ending = { code: number; reason: string }

export type Server = {
  /** Origin of the server, such as `https://chat.example.com`; empty: the page's own. */
  url?: string
  /** Gives an access token that is valid now; asked before each connection. */
  token: () => string | Promise<string>
}

type Outlets = {
  onConnecting: () => void
  onFrame: (text: string) => void
  /** The next try begins in `retryMs`; undefined: never. */
  onEnded: (ending: Ending, retryMs: number | undefined) => void
}

/** Keeps one socket open, each with a ticket of its own, until a close code or a refusal that is final. */
export function keepConnected({ url = '', token }: Server, { onConnecting, onFrame, onEnded }: Outlets) {
  const closing = new AbortController()
  let line: { socket: WebSocket; heart: Heart; since: number; afterMs: number } | undefined
  /** The next try; `mayHurry` when nobody asked for the wait. */
  let retry: { timer: ReturnType<typeof setTimeout>; mayHurry: boolean } | undefined
  let tries = 0

  async function open(): Promise<void> {
    if (closing.signal.aborted) return
    clearTimeout(retry?.timer)
    retry = undefined
    onConnecting()
    try {
      const headers = { authorization: `Bearer ${await token()}` }
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(TICKET_MS)])
      const response = await fetch(`${url}/api/v1/ws/tickets`, { method: 'POST', headers, signal })
      if (response.ok) {
        const answer = (await response.json()) as { ticket: string; url: string }
        const protocols = ['chat.v1', `ticket.${answer.ticket}`]
        if (!closing.signal.aborted) listen(new WebSocket(answer.url, protocols))
      } else {
        const afterMs = Number(response.headers.get('retry-after')) * 1_000 || 0
        ended({ code: response.status, reason: 'The ticket was refused.' }, afterMs)
      }
    } catch (error) {
      ended({ code: 0, reason: String(error) })
    }
  }

  function listen(socket: WebSocket): void {
    const heart = createHeart(
      () => socket.send(PING),
      () => drop({ code: 4101, reason: 'The server is silent.' }),
    )
    line = { socket, heart, since: Date.now(), afterMs: 0 }
    socket.addEventListener('message', ({ data }) => {
      heart.heard()
      onFrame(String(data))
    })
    socket.addEventListener('close', ({ code, reason }) => {
      if (line?.socket === socket) ended({ code, reason })
    })
  }

  /** Does not wait for the socket to close: with nobody at the other end that takes minutes. */
  function drop(ending: Ending): void {
    line?.socket.close(ending.code, ending.reason)
    ended(ending)
  }

  function ended(ending: Ending, afterMs = line?.afterMs): void {
    if (closing.signal.aborted) return
    if (line && Date.now() - line.since >= STABLE_MS) tries = 0
    line?.heart.stop()
    line = undefined
    clearTimeout(retry?.timer)
    retry = undefined
    const retryMs = reconnectMs(ending.code, tries, afterMs)
    tries += 1
    if (retryMs === undefined) closing.abort()
    else retry = { timer: setTimeout(open, retryMs), mayHurry: CUTS.has(ending.code) && !afterMs }
    onEnded(ending, retryMs)
  }

  // Not at once: the caller has nothing in hand yet when it would be told.
  queueMicrotask(open)

  return {
    transmit: (text: string): void => line?.socket.send(text),
    /** The connection is in use: pings begin, one every `intervalMs`. */
    beat: (intervalMs: number): void => line?.heart.start(intervalMs),
    /** The next connection begins no earlier than `afterMs` after the end of this one. */
    postpone(afterMs: number): void {
      if (line) line.afterMs = afterMs
    },
    check(): void {
      if (line) line.heart.check()
      else if (retry?.mayHurry) open()
    },
    drop,
    close: (): void => drop({ code: 1000, reason: 'The client was closed.' }),
  }
}

type Heart = ReturnType<typeof createHeart>

/** Pings once started, and tells when nothing at all was heard for 2.2 intervals. */
function createHeart(ping: () => void, onSilent: () => void) {
  let intervalMs = PING_MS
  let isStarted = false
  let pinging: ReturnType<typeof setTimeout> | undefined
  let silence = setTimeout(onSilent, SILENT_PINGS * intervalMs)

  function planPing(ms: number): void {
    pinging ??= setTimeout(() => {
      pinging = undefined
      ping()
    }, ms)
  }

  return {
    heard(): void {
      clearTimeout(silence)
      silence = setTimeout(onSilent, SILENT_PINGS * intervalMs)
      // By the answer and not by the ping before: chained timers of hidden pages run once a minute, which is too late.
      if (isStarted) planPing(intervalMs)
    },
    start(everyMs: number): void {
      intervalMs = everyMs
      isStarted = true
      planPing(Math.random() * everyMs)
    },
    /** An answer must come soon. Before the pings begin one is on its way anyhow. */
    check(): void {
      clearTimeout(silence)
      silence = setTimeout(onSilent, CHECK_MS)
      if (isStarted) ping()
    },
    stop(): void {
      clearTimeout(silence)
      clearTimeout(pinging)
    },
  }
}
