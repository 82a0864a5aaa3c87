import { eq, gt, gte, or, sql } from 'drizzle-orm'
import { activeHours, counters } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** What happened on one day (UTC), and how many users there were at its end. */
export type DayFigures = {
  day: Date
  users: number
  newUsers: number
  activeUsers: number
  messages: number
  tokens: number
  storageBytes: number
  runs: { completed: number; cancelled: number; failed: number; interrupted: number }
  /** How long completed runs took, in milliseconds; `undefined` where there was none. */
  duration: { p50: number; p95: number } | undefined
}

/**
 * The figures of the service, and its last `days` days with today as the last. It reads counters alone, so it costs the
 * same whatever they have counted (docs/decisions/005-counters.md).
 */
export async function readMetrics({ db, now }: Ctx, days: number) {
  const today = Math.floor(now.getTime() / DAY_MS)
  const first = today - days + 1
  const thisHour = Math.floor(now.getTime() / HOUR_MS)
  const [rows, [active]] = await db.batch([
    db
      .select()
      .from(counters)
      .where(or(eq(counters.day, 0), gte(counters.day, first))),
    db
      .select({ users: sql<number>`coalesce(sum(users), 0)`.as('users') })
      .from(activeHours)
      .where(gt(activeHours.hour, thisHour - 24)),
  ])
  const values = new Map(rows.map(({ day, name, value }) => [`${day} ${name}`, value]))
  const total = (name: string) => values.get(`0 ${name}`) ?? 0
  return {
    users: total('users'),
    projects: total('projects'),
    conversations: total('conversations'),
    messages: total('messages'),
    activeUsers24h: active!.users,
    storageBytes: total('storage_bytes'),
    days: seriesOf(values, first, today),
  }
}

/** Totals are kept as what they changed by on a day, so they are told backwards from today. */
function seriesOf(values: Map<string, number>, first: number, last: number): DayFigures[] {
  const series: DayFigures[] = []
  let users = values.get('0 users') ?? 0
  let storageBytes = values.get('0 storage_bytes') ?? 0
  for (let day = last; day >= first; day--) {
    const of = (name: string) => values.get(`${day} ${name}`) ?? 0
    series.unshift({
      day: new Date(day * DAY_MS),
      users,
      newUsers: of('new_users'),
      activeUsers: of('active_users'),
      messages: of('messages'),
      tokens: of('tokens'),
      storageBytes,
      runs: {
        completed: of('runs_completed'),
        cancelled: of('runs_cancelled'),
        failed: of('runs_failed'),
        interrupted: of('runs_interrupted'),
      },
      duration: durationOf(timesOf(values, day)),
    })
    users -= of('users')
    storageBytes -= of('storage_bytes')
  }
  return series
}

/** Past it, 2^32 ms, nothing is asked for. */
const LONGEST = 64

/** How many runs of a day took up to 2^(n/2) ms, by n (migrations/0016). */
const timesOf = (values: Map<string, number>, day: number): number[] =>
  Array.from({ length: LONGEST + 1 }, (_, n) => values.get(`${day} took_${n}`) ?? 0)

function durationOf(times: number[]): DayFigures['duration'] {
  const runs = times.reduce((sum, count) => sum + count, 0)
  if (runs === 0) return undefined
  return { p50: percentileOf(times, runs * 0.5), p95: percentileOf(times, runs * 0.95) }
}

/** The time within which `rank` runs were done: those between two bounds are taken as spread evenly on their scale. */
function percentileOf(times: number[], rank: number): number {
  let n = 0
  let below = 0
  while (below + times[n]! < rank) below += times[n++]!
  const part = (rank - below) / times[n]!
  return Math.round(2 ** ((n - 1 + part) / 2))
}
