/** A mail that did not leave. `reason` is a status or a code, so that it may be logged. */
export class MailFault extends Error {
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'MailFault'
    this.reason = reason
  }
}
