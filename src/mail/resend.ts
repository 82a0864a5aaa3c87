import { MailFault } from './mail-fault.ts'
import type { Mailer } from './mailer.ts'

const TRIES = 2
const TRY_MS = 10_000
const PAUSE_MS = 500

type Settings = { apiKey: string; baseUrl: string; from: string }

/** Resend's HTTP API, or any server that speaks it. A try that failed in passing is repeated once, under one key. */
export const resendMailer = ({ apiKey, baseUrl, from }: Settings): Mailer => ({
  name: 'resend',
  send: async (mail) => {
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    }
    const body = JSON.stringify({ from, ...mail, to: [mail.to] })
    for (let tried = 1; ; tried++) {
      const status = await post(`${baseUrl}/emails`, headers, body)
      if (status >= 200 && status < 300) return
      const mayPass = status === 429 || status >= 500 || status === 0
      if (!mayPass || tried === TRIES) throw new MailFault(status === 0 ? 'unreachable' : String(status))
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  },
})

/** The status of the answer, whose body nobody needs; 0 when there was none. */
async function post(url: string, headers: Record<string, string>, body: string): Promise<number> {
  try {
    const signal = AbortSignal.timeout(TRY_MS)
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    // Read to its end, so that the connection can be used again.
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}
