import { databaseOf } from '../db/cells.ts'
import { type Db, type DbMeter, openDb, type Precondition, type Source } from '../db/client.ts'
import { type Config, configOf } from '../env.ts'
import type { LiveKey } from '../features/chatbots/service/key-check.ts'
import { cellOf, newIdIn } from '../lib/ids.ts'
import { impatientBucket } from '../lib/impatient-bucket.ts'
import { chooseMailer, type SendMail } from '../mail/mailer.ts'
import type { Log } from './log.ts'
import { openMail } from './mail.ts'
import { type Metrics, metricsOf } from './metrics.ts'

/** What a service may touch when nobody is signed in. */
export type BaseCtx = {
  db: Db
  config: Config
  log: Log
  metrics: Metrics
  /** Null in a job, and in an operator's command. */
  requestId: string | null
  now: Date
  /** In the cell of whoever this is done for. */
  newId: () => string
  /** Keeps work alive for up to 30 s after the client has left. */
  waitUntil: (work: Promise<unknown>) => void
  runners: Env['RUNNER']
  channels: Env['CHANNEL']
  gateways: Env['GATEWAY']
  bucket: Env['FILES']
  sendMail: SendMail
}

/** Who asks, as the verified token says. Role and plan are not here: they are read from D1 where they decide. */
export type Principal = { id: string; sessionId: string }

/** What a session remembers of the client that opened it; the address is a keyed hash. */
export type Client = { device: string | null; ipHash: string | null }

/** All that a service may touch, passed as its first argument. */
export type Ctx = BaseCtx & { user: Principal }

/**
 * In whose name something is done: the caller's own, or of an account that is being removed. With a `keyFamily` it is only
 * what was done through these keys of theirs.
 */
export type OwnerCtx = BaseCtx & { user: Pick<Principal, 'id'> & { keyFamily?: string } }

/** Who asks where API keys are taken: somebody with one, or one of the users. */
export type Caller = { key: LiveKey; sessionId?: undefined } | { key?: undefined; sessionId: string }
export type CallerCtx = OwnerCtx & { caller: Caller; ownHosts: string[] }

type Given = {
  log: Log
  now: Date
  waitUntil: BaseCtx['waitUntil']
  requestId?: string
  /** The user this is done for. */
  owner?: string
  /** Without it the owner's database; without an owner the first. */
  source?: Source
  meter?: DbMeter
  preconditions?: Precondition[]
}

/** The one place where a context is put together: for a request, a job, or a test. */
export function newCtx(
  env: Env,
  { log, now, waitUntil, requestId, owner = '', source = databaseOf(env, owner), meter, preconditions }: Given,
): BaseCtx {
  const config = configOf(env)
  return {
    db: openDb(source, meter, preconditions),
    config,
    log,
    metrics: metricsOf(env),
    requestId: requestId ?? null,
    now,
    newId: () => newIdIn(cellOf(owner)),
    waitUntil,
    runners: env.RUNNER,
    channels: env.CHANNEL,
    gateways: env.GATEWAY,
    bucket: impatientBucket(env.FILES),
    sendMail: openMail(chooseMailer(env, config), log),
  }
}

/** What the app knows of a request before any guard has run. */
export type RequestInfo = {
  id: string
  startedAt: number
  log: Log
  meter: DbMeter
  /** Through which it asks the database, where there are copies of that. */
  session?: D1DatabaseSession
  userId?: string
  /** With which it was let in. */
  key?: LiveKey
}

export type AppEnv = { Bindings: Env; Variables: { config: Config; request: RequestInfo } }
export type OpenEnv = AppEnv & { Variables: { ctx: BaseCtx } }
export type CallerEnv = AppEnv & { Variables: { ctx: CallerCtx } }
export type AuthedEnv = AppEnv & { Variables: { ctx: Ctx } }
