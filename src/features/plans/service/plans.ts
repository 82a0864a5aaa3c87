import { asc, type SQL, sql } from 'drizzle-orm'
import { plans } from '../../../db/schema/index.ts'
import type { BaseCtx } from '../../../http/context.ts'
import type { Tier } from '../../../lib/tiers.ts'

/** A row of the table of plans. */
export type Plan = typeof plans.$inferSelect

/** All plans, the smallest first. There are few, so there are no pages. */
export const listPlans = ({ db }: BaseCtx): Promise<Plan[]> =>
  db.select().from(plans).orderBy(asc(plans.messagesPerMonth), asc(plans.id)).limit(100)

/** That a user's plan includes the models of a tier. */
export const includesTier = (userId: string, tier: Tier): SQL => sql`EXISTS (
  SELECT 1 FROM users u JOIN plans p ON p.id = u.plan, json_each(p.tiers) t WHERE u.id = ${userId} AND t.value = ${tier})`

/** That there is such a plan. */
export const planExists = (id: string): SQL => sql`EXISTS (SELECT 1 FROM plans WHERE id = ${id})`
