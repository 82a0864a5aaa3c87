import { eq, sql } from 'drizzle-orm'
import { AT_ENDPOINT } from '../../ai/targets.ts'
import { mayAnswer } from '../../db/answering.ts'
import type { Db } from '../../db/client.ts'
import { unmetPrecondition } from '../../db/preconditions.ts'
import { runs } from '../../db/schema/index.ts'
import type { Config } from '../../env.ts'
import { AppError, type ErrorCode } from '../../http/errors.ts'
import { type Call, callKey, runnerOfChatbot } from '../../lib/channel-commands.ts'
import { newId } from '../../lib/ids.ts'
import { selectSaid } from '../channels/service/said.ts'
import { ableOf, choiceOf } from '../chatbots/service/choice.ts'
import { type ServedChatbot, selectServedIn } from '../chatbots/service/served.ts'
import { includesTier } from '../plans/service/plans.ts'
import { answerPrompt } from './answer-prompt.ts'
import { admitBareRun } from './bare-run.ts'
import type { Job } from './job.ts'
import { SCHEMA_TOKENS, searchOffer } from './search-offer.ts'
import type { StoredRun } from './wire/run.ts'

/** Why a call is not answered, by what must hold for it. */
const UNMET: Record<string, ErrorCode> = {
  may_answer: 'forbidden',
  question_there: 'gone',
  model_in_plan: 'model_not_allowed',
}

/** The code of why a run was not begun; `undefined` when that is not known. */
export const refusalOf = (error: unknown): ErrorCode | undefined =>
  error instanceof AppError ? error.code : UNMET[unmetPrecondition(error) ?? '']

/** Whether a refusal passes by itself, when other runs of who pays end. */
export const passes = (code: ErrorCode): boolean => code === 'too_many_runs' || code === 'quota_in_flight'

/**
 * Writes the run that answers a call, which the owner of the chatbot pays for; or gives the one that is there.
 * @throws AppError `forbidden`, `gone`, `model_not_found`, `not_configured`, `context_too_long`, and as `admitBareRun`; and whatever names an unmet
 *   condition (`refusalOf`)
 */
export async function admitAnswer(
  { db, config }: { db: Db; config: Config },
  call: Call,
): Promise<{ job: Job } | { there: StoredRun }> {
  const now = new Date()
  const { channelId, chatbotId, messageId } = call
  const [[there], [chatbot], said] = await db.batch([
    db
      .select()
      .from(runs)
      .where(eq(runs.triggerKey, callKey(call))),
    selectServedIn(db, channelId, chatbotId, now.getTime()),
    selectSaid(db, call),
  ])
  if (there) return { there }
  if (!chatbot) throw new AppError('forbidden')
  const question = said.find(({ id }) => id === messageId)
  if (!question) throw new AppError('gone')
  const { targets } = choiceOf({ config, ownHosts: ownHostsOf(config, chatbot) }, chatbot)
  const [target] = targets
  const search = searchOffer(config, target, chatbot.internetEnabled)
  const earlier = said.filter(({ id }) => id !== messageId)
  const prompt = answerPrompt({
    chatbot,
    earlier,
    question,
    rules: search.instructions,
    target,
    taken: search.searches ? SCHEMA_TOKENS : 0,
  })
  const { job } = (await admitBareRun(
    { db, config, now, user: { id: chatbot.ownerId } },
    {
      job: {
        run: {
          id: newId(),
          runner: runnerOfChatbot(channelId, chatbotId),
          kind: 'channel',
          userId: chatbot.ownerId,
          chatbotId,
          chatbotVersion: chatbot.version,
          channelId,
          triggerKey: callKey(call),
          conversationId: null,
          userMessageId: null,
          messageId: null,
          model: target.endpoint ? AT_ENDPOINT : target.id,
          context: {
            sent: prompt.sent,
            dropped: prompt.dropped,
            tokens: prompt.tokens,
            instruction_tokens: prompt.instructionTokens,
          },
          reserved: null,
          warnings: search.warnings,
          keptMs: config.IDEMPOTENCY_TTL_MS,
          createdAt: now.getTime(),
        },
        messages: prompt.messages,
        searches: search.searches,
        maxOutputTokens: prompt.output,
        targets: ableOf(targets, search.searches, false).map((one) => ({
          ...one,
          max_output: Math.min(one.max_output, prompt.output),
        })),
        options: chatbot.temperature === null ? {} : { temperature: chatbot.temperature },
      },
      conditions: {
        may_answer: mayAnswer(sql`${chatbotId}`, channelId, now.getTime()),
        question_there: sql`EXISTS (SELECT 1 FROM channel_messages WHERE id = ${messageId} AND deleted_at IS NULL)`,
        ...(!target.endpoint && { model_in_plan: includesTier(chatbot.ownerId, target.tier) }),
      },
    },
  )) as { job: Job }
  return { job }
}

/** Names of our own hosts, which no endpoint may be. No request tells them here. @throws AppError `not_configured` when nothing does */
function ownHostsOf({ APP_URL, LLM_ENDPOINT_ALLOWLIST }: Config, { llmEndpointUrl }: ServedChatbot): string[] {
  if (APP_URL) return [new URL(APP_URL).hostname]
  // What the operator lists is called whatever its name.
  if (llmEndpointUrl !== null && LLM_ENDPOINT_ALLOWLIST.length === 0) throw new AppError('not_configured')
  return []
}
