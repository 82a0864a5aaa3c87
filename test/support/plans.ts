import { env } from 'cloudflare:workers'
import { countOf, one, type SignedIn, signIn } from './client.ts'

type Limits = { messages?: number; tokens?: number; runsAtOnce?: number; tiers?: string[] }

/** A fresh user on a plan of their own with these limits; what is not given is plenty. */
export async function signInWith({ messages = 1e6, tokens = 1e9, runsAtOnce = 500, tiers = ['basic'] }: Limits = {}) {
  const user = await signIn()
  const id = `p-${crypto.randomUUID().slice(0, 20)}`
  await env.DB.batch([
    env.DB.prepare('INSERT INTO plans VALUES (?, ?, ?, 1000, ?, 0, 0, ?)').bind(
      id,
      messages,
      tokens,
      runsAtOnce,
      JSON.stringify(tiers),
    ),
    env.DB.prepare('UPDATE users SET plan = ? WHERE id = ?').bind(id, user.user.id),
  ])
  return user
}

export const setPlan = (user: SignedIn, plan: string) =>
  env.DB.prepare('UPDATE users SET plan = ? WHERE id = ?').bind(plan, user.user.id).run()

/** The books of a user, by three ways that must agree: the ledger, the sums of its days, the month's quota. */
export async function booksOf({ user }: SignedIn) {
  const sums = 'coalesce(sum(messages), 0) AS messages, coalesce(sum(charged_tokens), 0) AS tokens'
  return {
    ledger: await one<Book>(`SELECT ${sums} FROM usage_ledger WHERE user_id = ?`, user.id),
    days: await one<Book>(`SELECT ${sums} FROM usage_days WHERE user_id = ? AND dimension = 'model'`, user.id),
    used: await one<Book>(
      'SELECT messages_used AS messages, tokens_used AS tokens FROM quota_periods WHERE subject = ?',
      `user:${user.id}`,
    ),
    held: await one<Book>(
      'SELECT messages_held AS messages, tokens_held AS tokens FROM quota_periods WHERE subject = ?',
      `user:${user.id}`,
    ),
    reservations: await countOf('reservations WHERE subject = ?', `user:${user.id}`),
  }
}

type Book = { messages: number; tokens: number }
