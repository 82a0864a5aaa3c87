import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import type { Vars } from './dev-vars.ts'
import { keepMail } from './mail-folder.ts'

const MAX_BODY_BYTES = 256 * 1024
const MAX_MAILS = 100

const Letter = z.object({
  from: z.string().min(1).max(320),
  to: z.array(z.string().min(1).max(320)).min(1).max(50),
  subject: z.string().max(1_000),
  text: z.string().default(''),
  html: z.string().default(''),
})

export type Mail = z.infer<typeof Letter> & { id: string; at: string }

export type MailSink = {
  url: string
  /** Variables that make a server send its mail here. */
  vars: Vars
  /** The newest ones, the newest first. */
  mails(): Mail[]
  stop(): Promise<void>
}

type Options = {
  /** Any free one without it. */
  port?: number
  /** The API key that it takes; a random one without it. */
  key?: string
  /** How many mails it holds. */
  maxMails?: number
  /** Where each mail is kept as a file; without it nowhere. */
  folder?: string
  onMail?: (mail: Mail) => void
}

/**
 * What `src/mail/resend.ts` needs of Resend's API, on a free port of loopback, for whoever wants to see mails and not
 * send them. `GET /emails` gives the newest ones to programs that are no part of this process; `?to=` those to an address.
 */
export async function startMailSink(options: Options = {}): Promise<MailSink> {
  const { port = 0, key = randomBytes(24).toString('base64url'), maxMails = MAX_MAILS, folder, onMail } = options
  const kept: { mail: Mail; idempotencyKey?: string }[] = []
  const mails = () => kept.map(({ mail }) => mail)

  function take(letter: z.infer<typeof Letter>, idempotencyKey: string | undefined): Mail {
    const known = idempotencyKey && kept.find((each) => each.idempotencyKey === idempotencyKey)
    if (known) return known.mail
    const mail = { id: crypto.randomUUID(), at: new Date().toISOString(), ...letter }
    kept.unshift({ mail, idempotencyKey })
    kept.length = Math.min(kept.length, maxMails)
    if (folder !== undefined) keepMail(folder, mail, maxMails)
    onMail?.(mail)
    return mail
  }

  async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
    // A web page whose name was made to lead here could read mails otherwise.
    if (!/^(127\.0\.0\.1|localhost):\d+$/.test(request.headers.host ?? '')) return fault(403, 'This host is not served')
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
    if (pathname !== '/emails') return fault(404, 'There is only /emails')
    if (request.method === 'GET') {
      const to = searchParams.get('to')
      return [200, to === null ? mails() : mails().filter((mail) => mail.to.includes(to))]
    }
    if (request.method !== 'POST') return fault(405, 'There are only GET and POST')
    if (!isBearer(request.headers.authorization, key)) return fault(401, 'The API key is wrong')
    const body = await readBody(request)
    if (body === undefined) return fault(413, `A mail has at most ${MAX_BODY_BYTES} bytes`)
    const letter = Letter.safeParse(parseJson(body))
    if (!letter.success) return fault(422, z.prettifyError(letter.error))
    const idempotencyKey = request.headers['idempotency-key']
    return [200, { id: take(letter.data, idempotencyKey?.toString()).id }]
  }

  const server = createServer((request, response) => {
    answer(request)
      .catch((error): [number, unknown] => fault(500, String(error)))
      .then(([status, body]) => send(response, status, body))
  })
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    vars: { RESEND_API_KEY: key, RESEND_BASE_URL: url, MAIL_FROM: 'Parley <parley@localhost>' },
    mails,
    stop: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** An error as Resend tells it. */
const fault = (statusCode: number, message: string): [number, unknown] => [statusCode, { statusCode, message }]

function send(response: ServerResponse, status: number, body: unknown): void {
  // What is left of a body that is too large is not waited for.
  if (status === 413) response.setHeader('connection', 'close')
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function isBearer(header: string | undefined, key: string): boolean {
  const [given, wanted] = [Buffer.from(header ?? ''), Buffer.from(`Bearer ${key}`)]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/** `undefined` when it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
