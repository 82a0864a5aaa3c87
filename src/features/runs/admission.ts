import {
  instructionTokens,
  newestWithin,
  promptOf,
  type Saying,
  type Window,
  windowFor,
} from '../../ai/context-window.ts'
import type { Model } from '../../ai/models.ts'
import { isKeyTaken } from '../../db/idempotency.ts'
import { unmetPrecondition } from '../../db/preconditions.ts'
import type { Ctx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import type { Reserved } from '../../lib/run-events.ts'
import { titleOf } from '../../lib/titles.ts'
import { FILES_THERE, fileNotFound, TEXT_POLL_MS } from '../files/service/attach.ts'
import { type Quota, quotaRefusal, readQuota } from '../plans/service/quota.ts'
import { needOf, type Planned, writeAdmission } from './admission-batch.ts'
import { type Job, runnerOfConversation } from './job.ts'
import { giveBackTurn, makeWay, type Ticket } from './make-way.ts'
import { chooseModel } from './model-choice.ts'
import { type Place, type Read, type Rooms, readPlace } from './reply-place.ts'
import type { ReplyRequest } from './reply-request.ts'
import { SCHEMA_TOKENS, searchOffer } from './search-offer.ts'

/** A run that is in D1 and waits for its Runner, or the run that the same request made before; with what is left. */
export type Admission = ({ job: Job } | { replayOf: string }) & { quota: Quota }

/** Two requests may read the same head; the loser reads again. More than that is somebody being busy. */
const MAX_ROUNDS = 4

/**
 * Writes the user's message, the placeholder of the reply and the run, all or nothing. Two round trips: one reads all
 * that must be known, one writes, and is undone by the first thing that is no longer so.
 * @throws AppError `not_found`, `file_not_found`, `conflict`, `model_not_allowed`, `context_too_long`,
 *   `conversation_busy`, `idempotency_key_reused`, `unauthorized`, `plan_limit_reached`, `quota_in_flight`,
 *   `too_many_runs`; nothing is stored then
 */
export async function admit(ctx: Ctx, request: ReplyRequest): Promise<Admission> {
  const ticket: Ticket = { id: ctx.newId(), deadline: Date.now() + ctx.config.RUN_QUEUE_WAIT_MS }
  let admission: Admission | undefined
  try {
    admission = await admitInTurn(ctx, request, ticket)
    return admission
  } finally {
    if (!admission || 'replayOf' in admission) giveBackTurn(ctx, ticket)
  }
}

async function admitInTurn(caller: Ctx, request: ReplyRequest, ticket: Ticket): Promise<Admission> {
  let ctx = caller
  let round = 1
  const rooms = roomsFor(ctx, request)
  const textsUntil = Date.now() + ctx.config.FILE_TEXT_WAIT_MS
  /** Who has waited says what it says now. */
  const wait = async (work: Promise<unknown>) => {
    const startedAt = Date.now()
    await work
    ctx = { ...ctx, now: new Date(ctx.now.getTime() + Date.now() - startedAt) }
  }
  const makeWayIn = async (conversationId: string) => {
    await wait(makeWay(ctx, conversationId, request.onConflict, ticket))
    // It has tried nothing yet.
    if (ticket.servedIn && Date.now() < ticket.deadline) round = 0
  }
  for (; round <= MAX_ROUNDS; round++) {
    const read = await readPlace(ctx, request.prompt, rooms, request.idempotency)
    if ('replayOf' in read) return { replayOf: read.replayOf, quota: await readQuota(ctx) }
    const { place } = read
    if (place.status === 'in_progress') {
      // What would be answered is not finished: whoever composed a prompt now would leave it out.
      await makeWayIn(place.conversationId!)
      continue
    }
    if (read.isReading && Date.now() < textsUntil) {
      await wait(scheduler.wait(TEXT_POLL_MS))
      round -= 1
      continue
    }
    const planned = plan(ctx, request, read)
    try {
      const { reserved, quota } = await writeAdmission(ctx, request, planned)
      return { job: within(planned.job, reserved), quota }
    } catch (error) {
      const unmet = unmetPrecondition(error)
      if (unmet === 'model_in_plan') throw notInPlan(planned.model)
      if (unmet === FILES_THERE) throw fileNotFound()
      const isBusy = unmet === 'conversation_free'
      if (!isBusy && unmet !== 'place_unchanged' && !isKeyTaken(error)) {
        throw (await quotaRefusal(ctx, error, needOf(planned))) ?? error
      }
      // Somebody was quicker; who is ready to wait gets in line, so as not to lose again.
      if (isBusy || (request.onConflict === 'queue' && place.conversationId)) {
        await makeWayIn(planned.job.run.conversationId)
      }
    }
  }
  throw new AppError('conversation_busy', 'Others are writing here: try again', { retryAfterS: 2 })
}

/**
 * What each model that may be chosen leaves for what was said before, and for files.
 * @throws AppError `model_not_allowed`, `context_too_long` when what is said now is too much for the model named
 */
function roomsFor({ config }: Ctx, { prompt, model: wanted, maxOutputTokens, internetEnabled }: ReplyRequest): Rooms {
  const roomOf = (model: Model) =>
    windowFor(
      model,
      prompt.content === undefined ? undefined : { content: prompt.content, files: [] },
      maxOutputTokens,
      searchOffer(config, model, internetEnabled).tokens,
    )
  const model = chooseModel(config, wanted)
  const first = roomOf(model)
  if (wanted !== undefined && first.room < 0) throw tooLong(model, first)
  const others = wanted === undefined ? config.MODELS : []
  return { '': first.room, ...Object.fromEntries(others.map((one) => [one.id, roomOf(one).room])) }
}

/**
 * Ids, prompt and warnings of the run that the request asks for.
 * @throws AppError `conflict` when there is nothing to answer, `model_not_allowed`, `context_too_long`
 */
function plan(ctx: Ctx, request: ReplyRequest, { place, files }: Read): Planned {
  const { user, now, newId, config } = ctx
  const { content } = request.prompt
  const saying: Saying | undefined = content === undefined ? undefined : { content, files }
  const isQuestion = content !== undefined || (place.said.at(-1)?.role ?? 'user') === 'user'
  if ((content === undefined && place.baseId === null) || !isQuestion) {
    throw new AppError('conflict', 'There is no message of yours before it that could be answered')
  }
  const model = chooseModel(config, request.model ?? place.projectModel ?? undefined)
  const search = searchOffer(config, model, request.internetEnabled)
  const window = windowFor(model, saying, request.maxOutputTokens, search.tokens)
  const room = window.room - instructionTokens(place.instructions)
  const said = newestWithin(room, model, place.said)
  if (room < 0 || (content === undefined && said.length === 0)) throw tooLong(model, window)
  const length = place.depth + (content === undefined ? 0 : 1)
  const instructions = [...place.instructions, ...search.instructions]
  const toolTokens = search.searches ? SCHEMA_TOKENS : 0
  const { messages, context } = promptOf({ model, instructions, said, now: saying, toolTokens, length })
  if (context.dropped > 0 && request.refuseTruncation) {
    throw new AppError('context_too_long', `${context.dropped} older messages do not fit`, {
      extras: { tokens: context.tokens, limit: model.context },
    })
  }
  const { content: text, files: shown } = saying ?? said.at(-1)!
  const words = text || (shown[0]?.name ?? '')
  const conversationId = place.conversationId ?? newId()
  const job: Planned['job'] = {
    run: {
      id: newId(),
      runner: runnerOfConversation(conversationId),
      kind: 'reply',
      userId: user.id,
      conversationId,
      userMessageId: content === undefined ? place.baseId! : newId(),
      messageId: newId(),
      model: model.id,
      context: { ...context, project_id: place.projectId, instruction_tokens: instructionTokens(place.instructions) },
      warnings: search.warnings,
      reserved: null,
      createdAt: now.getTime(),
    },
    messages,
    searches: search.searches,
    maxOutputTokens: window.output,
    desertedMs: request.cancelOnDisconnect ? config.DISCONNECT_CANCEL_MS : undefined,
    naming: wantsTitle(place) ? { title: place.title ?? titleOf(words), words } : undefined,
  }
  return { job, model, place, files, window }
}

/** A conversation is named with its first answer; what was only stored before gave it its first words at the most. */
const wantsTitle = ({ title, titleSource, said }: Place) =>
  title === null || (titleSource === 'text' && said.every(({ role }) => role === 'user'))

/** The job with as much output as there was room for. */
const within = ({ run, ...job }: Job, reserved: Reserved): Job => ({
  ...job,
  run: { ...run, reserved },
  maxOutputTokens: reserved.tokens - run.context.tokens,
})

const notInPlan = ({ id }: Model) =>
  new AppError('model_not_allowed', `Your plan does not include ${id}: GET /api/v1/plans shows which do`)

const tooLong = (model: Model, { message, output, tools }: Window) =>
  new AppError(
    'context_too_long',
    `This needs ${message + output + tools} tokens, ${model.id} takes ${model.context}`,
    {
      extras: { tokens: message + output + tools, limit: model.context },
    },
  )
