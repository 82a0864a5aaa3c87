import { type Db, type DbMeter, openDb, type Precondition } from '../db/client.ts'
import { type Config, configOf } from '../env.ts'
import { newId } from '../lib/ids.ts'
import type { Log } from './log.ts'

/** What a service may touch when nobody is signed in. */
export type BaseCtx = {
  db: Db
  config: Config
  log: Log
  now: Date
  newId: () => string
  /** Keeps work alive for up to 30 s after the client has left. */
  waitUntil: (work: Promise<unknown>) => void
  runners: Env['RUNNER']
}

/** Who asks, as the verified token says. Role and plan are not here: they are read from D1 where they decide. */
export type Principal = { id: string; sessionId: string }

/** All that a service may touch, passed as its first argument. */
export type Ctx = BaseCtx & { user: Principal }

type Given = {
  log: Log
  now: Date
  waitUntil: BaseCtx['waitUntil']
  meter?: DbMeter
  precondition?: Precondition
}

/** The one place where a context is put together: for a request, a job, or a test. */
export const newCtx = (env: Env, { log, now, waitUntil, meter, precondition }: Given): BaseCtx => ({
  db: openDb(env.DB, meter, precondition),
  config: configOf(env),
  log,
  now,
  newId,
  waitUntil,
  runners: env.RUNNER,
})

/** What the app knows of a request before any guard has run. */
export type RequestInfo = { id: string; startedAt: number; log: Log; meter: DbMeter; userId?: string }

export type AppEnv = { Bindings: Env; Variables: { config: Config; request: RequestInfo } }
export type OpenEnv = AppEnv & { Variables: { ctx: BaseCtx } }
export type AuthedEnv = AppEnv & { Variables: { ctx: Ctx } }
