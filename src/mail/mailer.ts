import type { Config } from '../env.ts'
import { cloudflareMailer } from './cloudflare.ts'
import { resendMailer } from './resend.ts'

export type Mail = { to: string; subject: string; text: string; html: string }

/** Sends a mail, or logs why not. It never throws: its caller has answered already. */
export type SendMail = (mail: Mail) => Promise<void>

/** A way out. `send` throws a `MailFault` for a mail that was refused or did not get there. */
export type Mailer = { name: 'cloudflare' | 'resend'; send(mail: Mail): Promise<void> }

/** Resend if there is a key, else Cloudflare's binding if there is one; undefined when neither is set up. */
export function chooseMailer(env: Env, config: Config): Mailer | undefined {
  const { MAIL_FROM: from, RESEND_API_KEY: apiKey, RESEND_BASE_URL: baseUrl } = config
  if (!from) return undefined
  if (apiKey) return resendMailer({ apiKey, baseUrl, from })
  // Not every account can have this binding, so wrangler.toml names it in a comment and the generated types do not.
  const { EMAIL } = env as { EMAIL?: SendEmail }
  return EMAIL && cloudflareMailer(EMAIL, from)
}
