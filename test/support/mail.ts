import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { inject } from 'vitest'
import type { Mail } from '../../scripts/mail-sink.ts'
import { app } from '../../src/app.ts'
import { freshAddress, until } from './client.ts'
import { noteSecrets, secrets } from './secrets.ts'

/** The mails that have come to an address, the newest first, with `subject` as a part of theirs. */
export async function mailsTo(email: string, subject = ''): Promise<Mail[]> {
  const query = new URLSearchParams({ to: email })
  const response = await fetch(`http://127.0.0.1:${inject('mailPort')}/emails?${query}`)
  const mails = await response.json<Mail[]>()
  for (const mail of mails) if (isCode(mail)) secrets.add(codeOf(mail))
  return mails.filter((mail) => mail.subject.includes(subject))
}

/** The newest mail of its kind, once there are `count`: they are sent after the answer. */
export const mailTo = (email: string, subject: string, count = 1): Promise<Mail> =>
  until(async () => {
    const mails = await mailsTo(email, subject)
    return mails.length >= count && mails[0]
  })

const CODE = /^ {4}(\S{43})$/m
const isCode = ({ text }: Mail) => CODE.test(text)

/** The code in a mail. */
export const codeOf = ({ text }: Pick<Mail, 'text'>): string => CODE.exec(text)![1]!

/** The code in the newest mail of its kind, once there are `count`. */
export const codeTo = async (email: string, subject: string, count = 1) => codeOf(await mailTo(email, subject, count))

/** Posts, and waits for what is done after the answer as well; with other variables if given. */
export async function postAndWait(path: string, body: object, variables: Record<string, string> = {}) {
  noteSecrets(body)
  const execution = createExecutionContext()
  const request = new Request(`https://parley.test/api/v1${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'cf-connecting-ip': freshAddress() },
  })
  const response = await app.fetch(request, { ...env, ...variables } as Env, execution)
  await waitOnExecutionContext(execution)
  const answer = await response.json<{ detail: string }>()
  noteSecrets(answer)
  return { status: response.status, body: answer }
}
