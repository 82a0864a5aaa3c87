import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import type { TestProject } from 'vitest/node'
import { VARS } from '../../bench/channels/parley.ts'
import { end, startParleyServer } from '../../bench/processes.ts'
import { writeD1 } from '../../scripts/d1.ts'
import { startMailSink } from '../../scripts/mail-sink.ts'
import { makeAdmin } from '../../scripts/make-admin.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    contractUrl: string
    contractMails: string
    contractAdmin: { email: string; password: string }
  }
}

const MUCH = 1_000_000_000
const LIMITS = [
  'SIGN_IN_ACCOUNT',
  'SIGN_IN_ADDRESS',
  'SIGN_IN_STREAK',
  'REFRESH_SESSION',
  'MAIL_ACCOUNT',
  'MAIL_ADDRESS',
  'MAIL_TOKEN',
]

/** The production bundle in workerd, as a process of its own, with no limit that would answer in the place of what is tested. */
export default async function setup(project: TestProject) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-contract-'))
  const mail = await startMailSink({ maxMails: 1_000 })
  const admin = { email: 'admin@example.com', password: `secret-${randomBytes(12).toString('hex')}` }
  const { child, line } = await startParleyServer(
    folder,
    {
      ...VARS,
      ...Object.fromEntries(LIMITS.map((name) => [`${name}_LIMIT`, '1000000'])),
      ...mail.vars,
      ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
      // It is never called: nothing here asks a chatbot that has it.
      LLM_ENDPOINT_ALLOWLIST: 'https://api.example.com',
      UPGRADE_POLICY: 'open',
      OFFLINE_TOKEN_MS: '0',
      RUN_FLUSH_MS: '0',
    },
    async (state) => {
      const target = { remote: false, persistTo: state } as const
      await writeD1(target, [
        sql`UPDATE plans SET messages_per_month = ${MUCH}, tokens_per_month = ${MUCH * 1_000}, requests_per_minute = ${MUCH},
          runs_at_once = ${MUCH}, storage_bytes = ${MUCH * 1_000}, file_bytes = ${MUCH}`,
      ])
      await makeAdmin(target, { email: admin.email }, { given: admin.password, ask: () => Promise.reject() })
    },
  )
  project.provide('contractUrl', line)
  project.provide('contractMails', mail.url)
  project.provide('contractAdmin', admin)
  return async () => {
    await end(child)
    await mail.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
