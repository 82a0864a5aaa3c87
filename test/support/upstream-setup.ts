import type { TestProject } from 'vitest/node'
import { startMailSink } from '../../scripts/mail-sink.ts'
import { startFakeDns } from './fake-dns.ts'
import { startFakeOpenAi } from './fake-openai.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    upstreamPort: number
    mailPort: number
    dnsPort: number
    mailKey: string
  }
}

/** The fake provider, the resolver and the mail server run in Node; the Worker under test reaches them over real HTTP. */
export default async function setup(project: TestProject) {
  const { upstreamPort, mailPort, dnsPort, mailKey } = project.getProvidedContext()
  const upstream = await startFakeOpenAi({ port: upstreamPort })
  const dns = await startFakeDns({ port: dnsPort })
  // Every registration sends one, in files that run at the same time.
  const mail = await startMailSink({ port: mailPort, key: mailKey, maxMails: 10_000 })
  return () => Promise.all([upstream.close(), dns.close(), mail.stop()])
}
