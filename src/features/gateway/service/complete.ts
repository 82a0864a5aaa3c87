import type { SQL } from 'drizzle-orm'
import { sql } from 'drizzle-orm'
import { AT_ENDPOINT, type Target } from '../../../ai/targets.ts'
import type { Idempotency } from '../../../db/idempotency.ts'
import { sessionIsLive } from '../../../db/live-session.ts'
import { unmetPrecondition } from '../../../db/preconditions.ts'
import type { CallerCtx } from '../../../http/context.ts'
import { AppError, invalidToken, unsupported } from '../../../http/errors.ts'
import { shardOf } from '../../../lib/shards.ts'
import { ableOf, type Choice, modelNotFound } from '../../chatbots/service/choice.ts'
import { keyIsLive, whyDead } from '../../chatbots/service/key-check.ts'
import { readShownOf } from '../../files/service/attach.ts'
import { MIN_OUTPUT } from '../../plans/service/quota.ts'
import {
  type BareRun,
  findSameRun,
  type RunFeed,
  SCHEMA_TOKENS,
  searchOffer,
  startBareRun,
  watchAgain,
} from '../../runs/service.ts'
import { type ChatCompletionRequest, passedOn } from '../schemas/request.ts'
import { chooseTargets, inPlan } from './models.ts'
import { promptOf } from './prompt.ts'

/** How a completion is asked for, besides what it is. */
export type Asked = {
  idempotency: Idempotency | undefined
  /** What was asked for, made when it is needed. */
  fingerprint: () => Promise<string>
  /** The client sends by itself what it sent before. */
  isRetry: boolean
  lastEventId: number
  /** Aborts when the client leaves. */
  signal: AbortSignal
  /** What happens when the client leaves, where it says so. */
  onDisconnect: 'continue' | 'cancel' | undefined
}

/**
 * Begins a completion, or finds the one that was begun by the same request; gives its events.
 * @throws AppError `model_not_found`, `role_not_allowed`, `unsupported_parameter`, `context_too_long`,
 *   `revoked_api_key`, `expired_api_key`, `unauthorized`; and as `startBareRun`
 */
export async function complete(
  ctx: CallerCtx,
  request: ChatCompletionRequest,
  asked: Asked,
): Promise<RunFeed | 'ended'> {
  refuseFromBrowsers(ctx, request)
  const isDirect = request.store === false && !asked.idempotency
  if (asked.isRetry && !asked.idempotency && !isDirect) {
    const since = new Date(ctx.now.getTime() - ctx.config.SDK_DEDUPE_MS)
    const before = await findSameRun(ctx, await asked.fingerprint(), since)
    if (before !== undefined) return watchAgain(ctx, before, asked.lastEventId)
  }
  const choice = await chooseTargets(ctx, request.model)
  const bare = await plan(ctx, request, choice, asked, isDirect)
  try {
    return await startBareRun(ctx, bare, asked)
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet === 'key_live') throw await whyDead(ctx.db, ctx.caller.key!, new Date())
    if (unmet === 'session_live') throw invalidToken()
    if (unmet === 'model_in_plan') throw modelNotFound(request.model)
    throw error
  }
}

/** A key that everybody can read lets nobody instruct the model, nor give it tools. */
function refuseFromBrowsers({ caller }: CallerCtx, { messages, tools }: ChatCompletionRequest): void {
  if (caller.key?.kind !== 'pk') return
  const at = messages.findIndex(({ role }) => role !== 'user' && role !== 'assistant')
  if (at >= 0) {
    const detail = 'With a browser key only messages of the roles user and assistant are taken'
    throw new AppError('role_not_allowed', detail, { extras: { param: `messages[${at}].role` } })
  }
  if (tools?.length) throw unsupported('tools', 'A browser key takes no tools')
}

async function plan(
  ctx: CallerCtx,
  request: ChatCompletionRequest,
  { targets, chatbot }: Choice,
  { idempotency, fingerprint, onDisconnect }: Asked,
  isDirect: boolean,
): Promise<BareRun> {
  const { config, user, caller, newId } = ctx
  const [target] = targets
  const options = { ...(chatbot?.temperature != null && { temperature: chatbot.temperature }), ...passedOn(request) }
  const hasTools = (request.tools?.length ?? 0) > 0
  const files = chatbot?.files.length ? await readShownOf(ctx, chatbot.files) : []
  const search = searchOffer(config, target, chatbot?.internetEnabled === true && !hasTools)
  const prompt = promptOf({ request, target, chatbot, files, rules: search.instructions, options })
  const tokens = prompt.tokens + (search.searches ? SCHEMA_TOKENS : 0)
  const wanted = request.max_completion_tokens ?? request.max_tokens ?? target.default_output
  const able = ableOf(targets, hasTools || search.searches, prompt.hasPictures)
  const id = newId()
  const { key } = caller
  const isInPlan = inPlan(ctx, target)
  return {
    job: {
      run: {
        id,
        runner: isDirect ? null : `k:${key?.familyId ?? user.id}:${await shardOf(id, config.GATEWAY_SHARDS)}`,
        kind: 'gateway',
        userId: user.id,
        apiKeyId: key?.id,
        keyCap:
          key && key.monthlyTokenCap !== null ? { familyId: key.familyId, tokens: key.monthlyTokenCap } : undefined,
        chatbotId: chatbot?.id,
        chatbotVersion: chatbot?.version,
        conversationId: null,
        userMessageId: null,
        messageId: null,
        model: target.endpoint ? AT_ENDPOINT : target.id,
        context: {
          sent: request.messages.length,
          dropped: 0,
          tokens,
          instruction_tokens: prompt.instructionTokens,
        },
        reserved: null,
        warnings: search.warnings,
        includeUsage: request.stream_options?.include_usage,
        keptMs: idempotency || request.store ? config.IDEMPOTENCY_TTL_MS : undefined,
        createdAt: Date.now(),
      },
      messages: prompt.messages,
      searches: search.searches,
      maxOutputTokens: outputOf(wanted, target, tokens),
      desertedMs: desertedMsOf(ctx, request, onDisconnect),
      // A key that everybody can read is not its owner's: what their provider says is none of its readers' business.
      tellsRejections: key?.kind !== 'pk',
      // Less than what is held for it at the least is asked of the model all the same.
      targets: able.map((one) => ({ ...one, max_output: Math.min(one.max_output, wanted) })),
      options,
    },
    conditions: { ...allowedTo(ctx), ...(isInPlan && { model_in_plan: isInPlan }) },
    idempotency,
    fingerprint: isDirect ? undefined : await fingerprint(),
  }
}

/** That whoever asks may still ask, at the moment of the write. */
function allowedTo({ caller, user }: CallerCtx): Record<string, SQL> {
  // A long body may have taken its time to get here.
  const now = new Date()
  return caller.key
    ? { key_live: keyIsLive(caller.key.id, now) }
    : { session_live: sessionIsLive(sql`${caller.sessionId}`, sql`${user.id}`, now) }
}

/** Tokens of output that are asked for, as far as the window has room. @throws AppError `context_too_long` */
function outputOf(wanted: number, target: Target, input: number): number {
  const room = target.context - input
  if (room < MIN_OUTPUT) {
    const detail = `This is about ${input} tokens, with room for an answer ${target.id} takes ${target.context}`
    throw new AppError('context_too_long', detail, {
      extras: { tokens: input, limit: target.context, param: 'messages' },
    })
  }
  return Math.min(Math.max(Math.min(wanted, target.max_output), MIN_OUTPUT), room)
}

/** Who asked for nothing else has a while to come back; `undefined` when it goes on in any case. */
function desertedMsOf(
  { config }: CallerCtx,
  { store }: ChatCompletionRequest,
  onDisconnect: Asked['onDisconnect'],
): number | undefined {
  if (onDisconnect === 'cancel') return config.DISCONNECT_CANCEL_MS
  return onDisconnect === 'continue' || store ? undefined : config.GATEWAY_DETACH_MS
}
