import { type SQL, sql } from 'drizzle-orm'
import { type Idempotency, once } from '../../../db/idempotency.ts'
import { keyAfter, type Page, type PageRequest, pageOf } from '../../../db/pages.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { channelEvents, channelMembers, channels } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { type ChannelFields, MAX_CHANNELS, MAX_MEMBERSHIPS } from '../../../lib/channel-commands.ts'
import { startsTerms, termsOf, toMatch } from '../../../lib/search-terms.ts'
import { announceChannel } from '../announce.ts'
import type { NewChannel } from '../schemas/channel.ts'
import { seen, selectView, selectViews, toView, type View } from './access.ts'
import { submit } from './submit.ts'

export const SCOPES = ['all', 'member', 'public'] as const
type Scope = (typeof SCOPES)[number]

/** That a user may be in one more channel of this kind. What others open with them takes no room from what they join. */
export const hasRoom = (userId: string, kind: 'channel' | 'direct'): SQL => sql`(SELECT count(*) FROM (
  SELECT 1 FROM channel_members fm CROSS JOIN channels fc ON fc.id = fm.channel_id AND fc.deleted_at IS NULL
  WHERE fm.member_id = ${userId} AND fc.kind = ${kind} LIMIT ${MAX_CHANNELS})) < ${MAX_CHANNELS}`

/**
 * A new channel whose owner is the caller, or the one that the same key made before.
 * @throws AppError `limit_reached`, `idempotency_key_reused`, `not_found` when what the key made is gone
 */
export async function createChannel(ctx: Ctx, given: NewChannel, idempotency: Idempotency | undefined) {
  const { db, user, now, newId } = ctx
  const id = newId()
  const made = once(db, idempotency, id, now, [
    mustHold(db, 'channels_room', hasRoom(user.id, 'channel')),
    db.insert(channels).values({
      id,
      kind: 'channel',
      visibility: given.visibility,
      name: given.name,
      description: given.description,
      slowModeS: given.slow_mode_s,
      ownerId: user.id,
      lastSeq: 1,
      createdAt: now,
    }),
    db.insert(channelMembers).values({ channelId: id, memberId: user.id, role: 'owner', joinedAt: now }),
    db.insert(channelEvents).values({
      channelId: id,
      seq: 1,
      type: 'member.joined',
      actorId: user.id,
      payload: { user_id: user.id, role: 'owner' },
      createdAt: now,
    }),
    selectView(db, user.id, id),
  ])
  const {
    id: madeId,
    replayed,
    results,
  } = await made.catch((error) => {
    if (unmetPrecondition(error) === 'channels_room')
      throw new AppError('limit_reached', `You are in ${MAX_CHANNELS} channels`)
    throw error
  })
  if (!results) return { channel: await getChannel(ctx, madeId), replayed }
  await announceChannel(ctx, id, [user.id], given.visibility === 'public')
  return { channel: seen(results[4]), replayed }
}

/** @throws AppError `not_found`, `banned` */
export async function getChannel({ db, user }: Ctx, id: string): Promise<View> {
  return seen(await selectView(db, user.id, id))
}

/** Channels of the user's own, and public ones, before an id: the newest first. */
const own = (userId: string, before: string) => sql`SELECT c.* FROM channel_members om
  CROSS JOIN channels c ON c.id = om.channel_id AND c.deleted_at IS NULL
  WHERE om.member_id = ${userId} AND om.channel_id < ${before} ORDER BY om.channel_id DESC`
const open = (userId: string, before: string, more: SQL) => sql`SELECT c.* FROM channels c
  WHERE c.visibility = 'public' AND c.kind = 'channel' AND c.deleted_at IS NULL AND c.id < ${before} AND ${more}
    AND NOT EXISTS (SELECT 1 FROM channel_bans ob WHERE ob.channel_id = c.id AND ob.user_id = ${userId})
  ORDER BY c.id DESC`

/**
 * One page of channels, newest first: one's own, the public ones that did not ban the caller, or both; with `q` those whose name or
 * description has every word of it, the last perhaps in part: of the public ones the newest thousand.
 * @throws AppError `validation_failed` for a foreign cursor
 */
export async function listChannels(
  { db, user }: Ctx,
  { scope, q, ...page }: PageRequest & { scope: Scope; q?: string },
): Promise<Page<View>> {
  const list = `channels:${scope}:${q ?? ''}`
  const before = keyAfter(page, list, ['string'])?.[0] ?? '~'
  const terms = termsOf(q ?? '')
  // What is being typed may end in the middle of a word.
  const match = `scope:public AND text:(${toMatch(terms)}*)`
  const found =
    terms.length === 0
      ? sql`true`
      : sql`c.rowid IN (
    SELECT rowid FROM channel_name_search WHERE channel_name_search MATCH ${match} ORDER BY rowid DESC LIMIT 1000)`
  const select = (source: SQL, limit: number) => selectViews(db, user.id, sql`(${source} LIMIT ${limit}) c`)
  const statements = [
    // One's own are few, and those that are not public are in no index: they are looked through here.
    ...(scope === 'public' ? [] : [select(own(user.id, before), terms.length > 0 ? MAX_MEMBERSHIPS : page.limit + 1)]),
    ...(scope === 'member' ? [] : [select(open(user.id, before, found), page.limit + 1)]),
  ]
  const rows = (await db.batch(statements as never)) as Awaited<(typeof statements)[0]>[]
  const fits = ({ name, description }: View) => startsTerms(`${name} ${description ?? ''}`, terms)
  const views = rows.flat().map(toView).filter(fits)
  const unique = [...new Map(views.map((view) => [view.id, view])).values()].sort((a, b) => (a.id < b.id ? 1 : -1))
  return pageOf(unique.slice(0, page.limit + 1), page, list, ({ id }) => [id])
}

/** @throws AppError `not_found`, `banned`, `forbidden`, `direct_channel`, `precondition_failed` when it is not of that version */
export async function updateChannel(ctx: Ctx, id: string, changes: ChannelFields, version: number | undefined) {
  await submit(ctx, id, { type: 'channel.update', actor: ctx.user.id, command_id: ctx.newId(), changes, version })
  return getChannel(ctx, id)
}

/** What is in it goes after 30 days. @throws AppError `not_found`, `banned`, `forbidden`, `direct_channel` */
export async function deleteChannel(ctx: Ctx, id: string): Promise<void> {
  const { user, requestId, newId } = ctx
  const ids = { command_id: newId(), audit_id: newId(), request_id: requestId }
  await submit(ctx, id, { type: 'channel.delete', actor: user.id, ...ids })
}

/** Being in it already changes nothing. @throws AppError `not_found`, `banned`, `limit_reached` */
export async function joinChannel(ctx: Ctx, id: string): Promise<View> {
  await submit(ctx, id, { type: 'member.join', actor: ctx.user.id, command_id: ctx.newId() })
  return getChannel(ctx, id)
}

/** @throws AppError `not_found`, `last_owner`, `direct_channel` */
export async function leaveChannel(ctx: Ctx, id: string): Promise<void> {
  await submit(ctx, id, { type: 'member.leave', actor: ctx.user.id, command_id: ctx.newId() })
}
