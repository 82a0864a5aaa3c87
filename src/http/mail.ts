import { MailFault } from '../mail/mail-fault.ts'
import type { Mailer, SendMail } from '../mail/mailer.ts'
import { describeError, type Log } from './log.ts'

/** Sends by `mailer` and says in the log how that went, without anything of the mail. */
export const openMail =
  (mailer: Mailer | undefined, log: Log): SendMail =>
  async (mail) => {
    if (!mailer) return log('warn', 'mail_not_configured')
    try {
      await mailer.send(mail)
      log('info', 'mail_sent', { mailer: mailer.name })
    } catch (error) {
      const reason = error instanceof MailFault ? error.reason : undefined
      log('error', 'mail_failed', { mailer: mailer.name, reason, ...describeError(error) })
    }
  }
