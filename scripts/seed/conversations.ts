import { promptOf, type Said } from '../../src/ai/context-window.ts'
import { type Model, readModels } from '../../src/ai/models.ts'
import { conversations, messages, runs, usageLedger } from '../../src/db/schema/index.ts'
import { type ReplyRef, type Result, runnerOfConversation } from '../../src/features/runs/job.ts'
import { periodStart } from '../../src/lib/periods.ts'
import { titleOf } from '../../src/lib/titles.ts'
import { estimateTokens } from '../../src/lib/token-estimate.ts'
import { userIdOf } from './accounts.ts'
import { PEOPLE } from './people.ts'
import { lastSeqOf, msOf, resultOf } from './results.ts'
import { HOUR_MS, part, type Section, seedId } from './section.ts'
import type { Talk, Turn } from './talk.ts'

/** From one message of a person to the next. */
const TURN_MS = 3 * 60_000 + 20_000
const LEASE_MS = 60_000

const models = readModels({ OPENAI_API_KEY: 'only to have the table' }) as Model[]

type Row<T extends { $inferInsert: unknown }> = T['$inferInsert']
type Exchange = {
  messages: Row<typeof messages>[]
  run: Row<typeof runs>
  bill: Row<typeof usageLedger>
}

/** Conversations as `features/runs` leaves them: a chain of messages, a run behind each reply, a bill for each run. */
export function conversationsOf(nowMs: number, talks: Talk[]): Section {
  const made = talks.map((talk) => conversationOf(nowMs, talk))
  const exchanges = made.flatMap((each) => each.exchanges)
  return {
    name: 'conversations',
    parts: [
      part(
        'conversations',
        conversations,
        made.map(({ row }) => row),
      ),
      part(
        'messages',
        messages,
        exchanges.flatMap((exchange) => exchange.messages),
      ),
      part(
        'replies',
        runs,
        exchanges.map(({ run }) => run),
      ),
      part(
        'rows of the usage ledger',
        usageLedger,
        exchanges.map(({ bill }) => bill),
      ),
    ],
  }
}

function conversationOf(nowMs: number, talk: Talk) {
  const beganAgoMs = Math.round(talk.hoursAgo * HOUR_MS)
  const id = seedId(`conversation ${talk.by} ${talk.hoursAgo}`, beganAgoMs)
  const userId = userIdOf(PEOPLE.find(({ username }) => username === talk.by)!)
  const said: (Said & { id: string })[] = []
  const exchanges = talk.turns.map((turn, at) => {
    const exchange = exchangeOf({
      talk,
      turn,
      nowMs,
      agoMs: beganAgoMs - at * TURN_MS,
      conversationId: id,
      userId,
      said,
    })
    for (const { id, role, content, tokens } of exchange.messages) said.push({ id, role, content, files: [], tokens })
    return exchange
  })
  const row: Row<typeof conversations> = {
    id,
    userId,
    title: talk.title ?? titleOf(talk.turns[0]!.ask),
    headId: said.at(-1)!.id,
    createdAt: new Date(nowMs - beganAgoMs),
    updatedAt: exchanges.at(-1)!.run.createdAt,
  }
  return { row, exchanges }
}

type Asked = {
  talk: Talk
  turn: Turn
  nowMs: number
  agoMs: number
  conversationId: string
  userId: string
  said: (Said & { id: string })[]
}

/** A message and its reply, as admission writes them and settlement leaves them. */
function exchangeOf({ talk, turn, nowMs, agoMs, conversationId, userId, said }: Asked): Exchange {
  const model = models.find(({ id }) => id === talk.model)!
  const idOf = (what: string, place: number) => seedId(`${what} ${conversationId} ${said.length}`, agoMs, place)
  const depth = said.length + 1
  const run: ReplyRef = {
    id: idOf('run', 0),
    runner: runnerOfConversation(conversationId),
    kind: 'reply',
    userId,
    conversationId,
    userMessageId: idOf('question', 1),
    messageId: idOf('reply', 2),
    model: model.id,
    context: promptOf({ model, instructions: [], said, now: { content: turn.ask, files: [] }, length: depth }).context,
    reserved: null,
    warnings: [],
    createdAt: nowMs - agoMs,
  }
  const result = resultOf(run, turn, model)
  const createdAt = new Date(run.createdAt)
  const endedAt = new Date(run.createdAt + msOf(result))
  return {
    messages: [
      {
        id: run.userMessageId,
        conversationId,
        parentId: said.at(-1)?.id ?? null,
        depth,
        role: 'user',
        content: turn.ask,
        status: 'completed',
        tokens: estimateTokens(turn.ask),
        createdAt,
        updatedAt: createdAt,
      },
      {
        id: run.messageId,
        conversationId,
        parentId: run.userMessageId,
        depth: depth + 1,
        role: 'assistant',
        content: turn.reply,
        status: result.ending.status,
        tokens: estimateTokens(turn.reply),
        runId: run.id,
        createdAt,
        updatedAt: endedAt,
      },
    ],
    run: runRow(run, result, createdAt, endedAt),
    bill: billOf(run, result, seedId(`bill ${run.id}`, agoMs - msOf(result)), endedAt),
  }
}

function runRow(run: ReplyRef, result: Result, createdAt: Date, endedAt: Date): Row<typeof runs> {
  const { ending, usage, attempts } = result
  const fault = 'error' in ending ? ending.error : undefined
  return {
    ...run,
    kind: 'reply',
    status: ending.status,
    finishReason: ending.status === 'completed' ? ending.finishReason : null,
    cancelReason: ending.status === 'cancelled' ? ending.cancelReason : null,
    errorCode: fault?.code,
    errorMessage: fault?.message,
    retryable: fault?.retryable,
    usage,
    attempts,
    leaseUntil: new Date(run.createdAt + LEASE_MS),
    lastSeq: lastSeqOf(run, result),
    createdAt,
    endedAt,
  }
}

function billOf(run: ReplyRef, { ending, usage, attempts }: Result, id: string, createdAt: Date) {
  const admitted = new Date(run.createdAt)
  return {
    id,
    runId: run.id,
    userId: run.userId,
    conversationId: run.conversationId,
    kind: 'reply',
    model: run.model,
    upstream: attempts.at(-1)?.upstream,
    admittedAt: admitted,
    periodStart: periodStart(admitted),
    messages: usage.total_tokens > 0 ? 1 : 0,
    calls: usage.calls,
    inputTokens: usage.input_tokens,
    cachedTokens: usage.cached_tokens,
    outputTokens: usage.output_tokens,
    reasoningTokens: usage.reasoning_tokens,
    chargedTokens: usage.charged_tokens,
    costMicrousd: usage.cost_microusd,
    estimated: usage.estimated,
    status: ending.status,
    createdAt,
  } satisfies Row<typeof usageLedger>
}
