import { MailFault } from './mail-fault.ts'
import type { Mailer } from './mailer.ts'

/** Cloudflare's own way: the `send_email` binding. It names the reason of a refusal in `code`. */
export const cloudflareMailer = (binding: SendEmail, from: string): Mailer => ({
  name: 'cloudflare',
  send: async (mail) => {
    try {
      await binding.send({ from, ...mail })
    } catch (error) {
      const { code } = error as { code?: unknown }
      throw new MailFault(typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : 'unknown', { cause: error })
    }
  },
})
