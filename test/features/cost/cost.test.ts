import { env } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import table from '../../../docs/cost-table.md?raw'
import { openApi } from '../../support/client.ts'
import { operationsOf } from '../../support/contract.ts'
import { type Cost, costOf, meterBindings } from '../../support/cost-meter.ts'
import { addRows } from './many-rows.ts'
import { LEFT_OUT, makeWorld, OPERATIONS, type World } from './operations.ts'

const FEW = 1_000
const MANY = 200_000
/** Rows that preparing one operation has left for the next. */
const MADE_MEANWHILE = 10

/** More than all takes. */
const MEASURING_MS = 240_000

const few = new Map<string, Cost>()
const many = new Map<string, Cost>()

beforeAll(async () => {
  await enoughOfThisHour()
  const operations = operationsOf(await openApi())
  const isRead = (name: string) =>
    operations.some(({ operation, method }) => operation.operationId === name.split(',')[0] && method === 'GET')
  const names = Object.keys(OPERATIONS)
  const reads = names.filter(isRead)
  const world = await makeWorld()
  meterBindings()
  await addRows(world.place, 0, FEW)
  await measure(world, reads, few)
  await addRows(world.place, FEW, MANY)
  await measure(world, [...reads, ...names.filter((name) => !isRead(name))], many)
}, 900_000)

/** Whoever signs in in a new hour is counted in it anew, which takes more than the second time. */
async function enoughOfThisHour(): Promise<void> {
  const left = 3_600_000 - (Date.now() % 3_600_000)
  if (left < MEASURING_MS) await new Promise((resolve) => setTimeout(resolve, left))
}

async function measure(world: World, names: string[], costs: Map<string, Cost>): Promise<void> {
  const faults: string[] = []
  for (const name of names) {
    try {
      const { answer, ...cost } = await usually(name, async () => costOf((await OPERATIONS[name]!(world)).call))
      const status = (answer as { status?: number } | undefined)?.status ?? 200
      if (status >= 400 && !name.endsWith('refused')) faults.push(`${name}: ${status} ${JSON.stringify(answer)}`)
      costs.set(name, cost)
    } catch (error) {
      faults.push(`${name}: ${error}`)
    }
  }
  expect(faults).toEqual([])
}

/**
 * What it takes as a rule. A session is checked once in ten seconds, the use of a key noted once in a minute, and objects wake by
 * their alarms: what is not as the table says is measured twice more, and what two of the three agree in is believed.
 */
async function usually(name: string, take: () => Promise<Cost & { answer: unknown }>) {
  const first = await take()
  if (table.includes(rowOf(name, first))) return first
  const [second, third] = [await take(), await take()]
  return rowOf(name, first) === rowOf(name, second) ? second : third
}

test('every operation of the document has its row', async () => {
  const named = new Set(Object.keys(OPERATIONS).map((name) => name.split(',')[0]))
  const ids = operationsOf(await openApi()).map(({ operation }) => operation.operationId)
  expect([...named, ...LEFT_OUT].sort()).toEqual(ids.sort())
})

test('no operation costs more than its row says', async () => {
  await expect(tableOf(many)).toMatchFileSnapshot('../../../docs/cost-table.md')
})

test('what an operation reads does not grow with the tables', () => {
  const grown = [...few].filter(([name, before]) => {
    const { trips, rowsRead } = many.get(name)!
    return trips !== before.trips || rowsRead > before.rowsRead + MADE_MEANWHILE
  })
  expect(grown.map(([name, before]) => `${name}: ${before.rowsRead} → ${many.get(name)!.rowsRead}`)).toEqual([])
})

/** Tables of a few rows, which are read whole, and indexes of a few. */
const SMALL = ['plans', 'd1_migrations', 'users USING INDEX users_active_admins']
/** A foreign key without an index for all rows: looked through when a batch has left one unmet, which none does. */
const NEVER_DONE = ['register: SCAN chatbots', 'createUser: SCAN chatbots']

test('nothing looks through a table', async () => {
  const { results: tables } = await env.DB.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all<{
    name: string
  }>()
  const names = tables.map(({ name }) => name)
  const found: string[] = []
  for (const [operation, { statements }] of many) {
    for (const [text, params] of statements) {
      const explained = env.DB.prepare(`EXPLAIN QUERY PLAN ${text}`).bind(...params)
      for (const { detail } of (await explained.all<{ detail: string }>()).results) {
        const [, scanned, using] = /^SCAN (\w+)( USING .*)?$/.exec(detail) ?? []
        // The plan calls a table as the statement does.
        const isTable = (name: string) =>
          name === scanned || new RegExp(`\\b"?${name}"? (AS )?"?${scanned}"?\\b`, 'i').test(text)
        const isSubquery = new RegExp(`\\) "?${scanned}"?\\b`).test(text)
        // In the order of an index, to the end of a page.
        const isPage = using !== undefined && /\bLIMIT\b/i.test(text)
        const isSmall = SMALL.some((name) => detail === `SCAN ${name}`)
        if (scanned && !isSmall && !isSubquery && !isPage && names.some(isTable)) found.push(`${operation}: ${detail}`)
      }
    }
  }
  expect(found.filter((each) => !NEVER_DONE.includes(each))).toEqual([])
})

/** US dollars for a million, beyond what is included, on the paid plan (docs/cost.md). */
const PRICES = { rowsRead: 0.001, rowsWritten: 1, objects: 0.15, r2A: 4.5, r2B: 0.36 }
const PRICE_OF_REQUESTS = 0.3

const COLUMNS = {
  'D1 trips': 'trips',
  'rows read': 'rowsRead',
  'rows written': 'rowsWritten',
  'object calls': 'objects',
  'R2 A': 'r2A',
  'R2 B': 'r2B',
} as const

function rowOf(name: string, cost: Cost): string {
  const billed = Object.entries(PRICES) as [keyof typeof PRICES, number][]
  const price = billed.reduce((sum, [what, each]) => sum + cost[what] * each, PRICE_OF_REQUESTS)
  return row([name, ...Object.values(COLUMNS).map((what) => cost[what] || ''), price.toFixed(2)])
}

const row = (cells: (string | number)[]) => `| ${cells.join(' | ')} |\n`

function tableOf(costs: Map<string, Cost>): string {
  const titles = ['Operation', ...Object.keys(COLUMNS), '$ for a million']
  const rules = titles.map((_, at) => (at === 0 ? '---' : '--:'))
  return row(titles) + row(rules) + [...costs].map(([name, cost]) => rowOf(name, cost)).join('')
}
