import { eq } from 'drizzle-orm'
import type { Model } from '../../../ai/models.ts'
import type { Target } from '../../../ai/targets.ts'
import { chatbots, plans, users } from '../../../db/schema/index.ts'
import type { CallerCtx } from '../../../http/context.ts'
import { type Choice, choiceOf, modelNotFound, withFallback } from '../../chatbots/service/choice.ts'
import { MAX_OWN_CHATBOTS } from '../../chatbots/service/create.ts'
import { type ServedChatbot, selectServed } from '../../chatbots/service/served.ts'
import { includesTier } from '../../plans/service/plans.ts'

/** A name that stands in `model`: what answers to it, who has it, and since when. */
export type NamedModel = { id: string; ownedBy: string; createdAt: Date }

/** Of models that are served here nobody knows when they were made. */
const SINCE = new Date('2026-01-01T00:00:00Z')

/** All that the caller may name in `model`: with a key its chatbot and what else it opens, else one's chatbots and the plan's models. */
export async function listModels({ db, config, user, caller }: CallerCtx): Promise<NamedModel[]> {
  if (caller.key) {
    const { chatbot, models, tiers } = caller.key
    const open = config.MODELS.filter(({ id, tier }) => models.includes(id) && tiers.includes(tier))
    return [toNamed(chatbot), ...open.map(toServed)]
  }
  const [own, [plan]] = await db.batch([
    selectServed(db, user.id).orderBy(chatbots.id).limit(MAX_OWN_CHATBOTS),
    db
      .select({ tiers: plans.tiers })
      .from(users)
      .innerJoin(plans, eq(plans.id, users.plan))
      .where(eq(users.id, user.id)),
  ])
  const open = config.MODELS.filter(({ tier }) => plan?.tiers.includes(tier))
  return [...open.map(toServed), ...own.map(toNamed)]
}

/** @throws AppError `model_not_found` */
export async function getModel(ctx: CallerCtx, name: string): Promise<NamedModel> {
  const { targets, chatbot } = await chooseTargets(ctx, name)
  return chatbot ? toNamed(chatbot) : toServed(targets[0])
}

/**
 * Who answers to the name in `model`: `default` and the id of a chatbot, or a model that is served here. Whether the plan
 * includes that is a condition of the admission.
 * @throws AppError `model_not_found`, also for what belongs to somebody else
 */
export async function chooseTargets(ctx: CallerCtx, name: string): Promise<Choice> {
  const { key } = ctx.caller
  if (key && (name === 'default' || name === key.chatbot.id)) return choiceOf(ctx, key.chatbot)
  const model = ctx.config.MODELS.find(({ id }) => id === name)
  if (model && (!key || key.models.includes(name))) return { targets: withFallback(ctx, model) }
  if (key || !IS_ID.test(name)) throw modelNotFound(name)
  const [chatbot] = await selectServed(ctx.db, ctx.user.id, eq(chatbots.id, name))
  if (!chatbot) throw modelNotFound(name)
  return choiceOf(ctx, chatbot)
}

/** That the caller's plan has a model; an endpoint of one's own needs no plan. */
export const inPlan = ({ user }: CallerCtx, { tier, endpoint }: Target) =>
  endpoint ? undefined : includesTier(user.id, tier)

const IS_ID = /^[0-9a-f-]{36}$/

const toNamed = ({ id, ownerId, chatbotCreatedAt }: ServedChatbot): NamedModel => ({
  id,
  ownedBy: ownerId,
  createdAt: chatbotCreatedAt,
})

const toServed = ({ id }: Model): NamedModel => ({ id, ownedBy: 'parley', createdAt: SINCE })
