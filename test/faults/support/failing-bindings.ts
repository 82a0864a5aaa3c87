import parley, { Channel as BuiltChannel, Gateway as BuiltGateway, Runner as BuiltRunner } from '../../../src/index.ts'
import { type Calls, CONTROL, type Dependency, type Fault, type Faults } from './faults.ts'

// The Worker with bindings that fail as a test says. Its objects share the isolate, and so these two.
let faults: Faults = {}
let calls: Calls = { d1: 0, r2: 0, kv: 0, runner: 0 }

/** Cloudflare's own words; D1's are those of "Retry queries". */
const WORDS: Record<Dependency, { down: string; overloaded: string; late: string }> = {
  d1: {
    down: 'D1_ERROR: Network connection lost.',
    overloaded: 'D1_ERROR: D1 DB is overloaded. Too many requests queued.',
    late: 'D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.',
  },
  r2: {
    down: 'We encountered an internal error. Please try again. (10001)',
    overloaded: 'Reduce your concurrent request rate for the same object. (10058)',
    late: 'We encountered an internal error. Please try again. (10001)',
  },
  kv: { down: '503 Service Unavailable', overloaded: '429 Too Many Requests', late: '503 Service Unavailable' },
  runner: {
    down: 'Network connection lost.',
    overloaded: 'Durable Object is overloaded.',
    late: 'Network connection lost.',
  },
}

/** Longer than anybody may wait. */
const SILENT_MS = 60_000

/** What a fault makes of a piece of work. The nth call since it was set may be the first that fails. */
async function through<T>(dependency: Dependency, work: () => Promise<T>): Promise<T> {
  const nth = ++calls[dependency]
  const fault = faults[dependency]
  if (!fault || nth <= (fault.after ?? 0) || nth > (fault.after ?? 0) + (fault.times ?? Number.POSITIVE_INFINITY)) {
    return work()
  }
  if (fault.how === 'slow') await pause(fault.ms)
  if (fault.how === 'silent') await pause(SILENT_MS)
  if (fault.how === 'slow' || fault.how === 'answer lost') {
    const result = await work()
    if (fault.how === 'slow') return result
  }
  throw failure(dependency, fault)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function failure(dependency: Dependency, { how }: Fault): Error {
  const { down, overloaded, late } = WORDS[dependency]
  const error = new Error(how === 'overloaded' ? overloaded : how === 'silent' ? late : down)
  // Durable Objects say so beside their words.
  return dependency === 'runner'
    ? Object.assign(error, { [how === 'overloaded' ? 'overloaded' : 'retryable']: true })
    : error
}

/** A statement: it fails when it is sent by itself, and is what it was in a batch. */
const real = new WeakMap<object, D1PreparedStatement>()

function failingStatement(statement: D1PreparedStatement): D1PreparedStatement {
  const send =
    (how: 'first' | 'run' | 'all' | 'raw') =>
    (...args: []) =>
      through('d1', () => (statement[how] as () => Promise<never>)(...args))
  const failing = {
    // It tells the Worker whether it reads (src/db/client.ts).
    statement: (statement as unknown as { statement: string }).statement,
    bind: (...values: unknown[]) => failingStatement(statement.bind(...values)),
    first: send('first'),
    run: send('run'),
    all: send('all'),
    raw: send('raw'),
  } as unknown as D1PreparedStatement
  real.set(failing, statement)
  return failing
}

type Source = Pick<D1Database, 'prepare' | 'batch'>

const failingSource = (source: Source): Source => ({
  prepare: (query) => failingStatement(source.prepare(query)),
  batch: (statements) => through('d1', () => source.batch(statements.map((each) => real.get(each)!))),
})

const failingD1 = (d1: D1Database) =>
  ({
    ...failingSource(d1),
    withSession(bookmark) {
      const session = d1.withSession(bookmark)
      return { ...failingSource(session), getBookmark: () => session.getBookmark() }
    },
  }) as D1Database

/** An object of which these methods fail, and the others are what they were. */
function failing<T extends object>(
  target: T,
  dependency: Dependency,
  names: string[],
  wrap = (value: unknown) => value,
): T {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const call = (...args: unknown[]) => Reflect.apply(value, target, args)
      if (!names.includes(String(name))) return (...args: unknown[]) => wrap(call(...args))
      return (...args: unknown[]) => through(dependency, async () => wrap(await call(...args)))
    },
  })
}

const UPLOAD = ['uploadPart', 'complete', 'abort']
const BUCKET = ['put', 'get', 'head', 'list', 'delete', 'createMultipartUpload']

const failingBucket = (bucket: R2Bucket) =>
  failing(bucket, 'r2', BUCKET, (value) => {
    const isUpload = typeof value === 'object' && value !== null && 'uploadPart' in value
    return isUpload ? failing(value, 'r2', UPLOAD) : value
  })

/** The calls of a Runner go through the stub that is got by its name. */
const failingRunners = (runners: Env['RUNNER']) =>
  failing(runners, 'runner', [], (stub) =>
    typeof stub === 'object' && stub !== null
      ? failing(stub, 'runner', ['start', 'watch', 'cancel', 'abandon', 'recover', 'text', 'keep'])
      : stub,
  )

const wrapped = new WeakMap<Env, Env>()

function withFailures(env: Env): Env {
  const known = wrapped.get(env)
  if (known) return known
  const made = {
    ...env,
    DB: failingD1(env.DB),
    FILES: failingBucket(env.FILES),
    RATE_LIMITS: failing(env.RATE_LIMITS, 'kv', ['get', 'put', 'list', 'delete']),
    RUNNER: failingRunners(env.RUNNER),
  }
  wrapped.set(env, made)
  return made
}

export class Runner extends BuiltRunner {
  constructor(state: DurableObjectState, env: Env) {
    super(state, withFailures(env))
  }
}
export class Channel extends BuiltChannel {
  constructor(state: DurableObjectState, env: Env) {
    super(state, withFailures(env))
  }
}
export class Gateway extends BuiltGateway {
  constructor(state: DurableObjectState, env: Env) {
    super(state, withFailures(env))
  }
}

export default {
  async fetch(request, env, execution) {
    if (new URL(request.url).pathname !== CONTROL) return parley.fetch(request, withFailures(env), execution)
    if (request.method === 'POST') {
      faults = await request.json<Faults>()
      calls = { d1: 0, r2: 0, kv: 0, runner: 0 }
    }
    return Response.json(calls)
  },
  scheduled: (event, env, execution) => parley.scheduled(event, withFailures(env), execution),
} satisfies ExportedHandler<Env>
