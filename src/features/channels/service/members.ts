import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../../db/client.ts'
import { keyAfter, type PageRequest, pageOf } from '../../../db/pages.ts'
import { chatbots, users } from '../../../db/schema/index.ts'
import { sees } from '../../../db/seen-channels.ts'
import type { Ctx } from '../../../http/context.ts'
import { notFound } from '../../../http/errors.ts'
import type { Role } from '../../../lib/channel-commands.ts'
import { personOf } from '../event-rows.ts'
import type { NewMember } from '../schemas/member.ts'
import type { StoredMember } from '../wire/member.ts'
import { seen, selectView } from './access.ts'
import { submit } from './submit.ts'

const MEMBER = {
  id: sql<string>`a.member_id`.as('member_id'),
  person: sql`${sql.raw(personOf('a.member_id', 'a.member_kind'))}`
    .mapWith((json: string): StoredMember['person'] => JSON.parse(json))
    .as('person'),
  role: sql<Role>`a.role`.as('role'),
  kind: sql<StoredMember['kind']>`a.member_kind`.as('member_kind'),
  mutedUntil: sql<number | null>`a.muted_until`.as('muted_until'),
  joinedAt: sql<number>`a.joined_at`.as('joined_at'),
}

/** One page of the members of a channel. @throws AppError `not_found`, `banned`, `validation_failed` for a foreign cursor */
export async function listMembers({ db, user }: Ctx, channelId: string, page: PageRequest) {
  const list = `members:${channelId}`
  const after = keyAfter(page, list, ['string'])?.[0] ?? ''
  const [view, rows] = await db.batch([
    selectView(db, user.id, channelId),
    db
      .select(MEMBER)
      .from(sql`channel_members a`)
      .where(sql`a.channel_id = ${channelId} AND a.member_id > ${after} AND ${sees(user.id, sql`${channelId}`)}`)
      .orderBy(sql`a.member_id`)
      .limit(page.limit + 1),
  ])
  return { ...pageOf(rows, page, list, ({ id }) => [id]), view: seen(view) }
}

const selectMember = (db: Db, channelId: string, memberId: string) =>
  db.select(MEMBER).from(sql`channel_members a`).where(sql`a.channel_id = ${channelId} AND a.member_id = ${memberId}`)

async function getMember({ db }: Ctx, channelId: string, memberId: string): Promise<StoredMember> {
  const [member] = await selectMember(db, channelId, memberId)
  if (!member) throw notFound()
  return member
}

/** The id of who has this name; `null` when nobody has. */
async function findUserId({ db }: Ctx, username: string): Promise<string | null> {
  const row = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.username, username.toLowerCase()), isNull(users.deletedAt)))
    .get()
  return row?.id ?? null
}

/** The id of the caller's chatbot that has this handle; `null` when none has. */
async function findOwnChatbotId({ db, user }: Ctx, handle: string): Promise<string | null> {
  const isOwn = and(eq(chatbots.handle, handle), eq(chatbots.userId, user.id), isNull(chatbots.deletedAt))
  const row = await db.select({ id: chatbots.id }).from(chatbots).where(isOwn).get()
  return row?.id ?? null
}

/**
 * Takes somebody in, or a chatbot of the caller's, as an owner or a moderator does. Who is in it stays so.
 * @throws AppError `not_found`, `banned`, `forbidden`, `user_banned`, `limit_reached`, `direct_channel`, `conflict` when its
 *   handle is the name of a user
 */
export async function addMember(ctx: Ctx, channelId: string, { user_id, username, chatbot_id, handle }: NewMember) {
  const bot = chatbot_id ?? (handle === undefined ? undefined : await findOwnChatbotId(ctx, handle))
  const target = bot === undefined ? (user_id ?? (await findUserId(ctx, username!))) : bot
  const type = bot === undefined ? 'member.add' : 'chatbot.add'
  const command = { type, actor: ctx.user.id, command_id: ctx.newId(), target } as const
  const { seq } = await submit(ctx, channelId, command)
  return { member: await getMember(ctx, channelId, target!), isNew: seq !== null }
}

/**
 * Changes the role of a member, or until when they may not speak. Handing the channel over makes the caller its moderator.
 * @throws AppError `not_found`, `banned`, `forbidden`, `last_owner`, `direct_channel`
 */
export async function updateMember(
  ctx: Ctx,
  channelId: string,
  target: string,
  { role, mutedUntil }: { role?: Role; mutedUntil?: number | null },
): Promise<StoredMember> {
  const changes = { ...(role && { role }), ...(mutedUntil !== undefined && { muted_until: mutedUntil }) }
  const command = { type: 'member.update', actor: ctx.user.id, command_id: ctx.newId(), target, ...changes } as const
  await submit(ctx, channelId, command)
  return getMember(ctx, channelId, target)
}

/** Takes a member out; they may come back. @throws AppError `not_found`, `banned`, `forbidden`, `direct_channel` */
export async function removeMember(ctx: Ctx, channelId: string, target: string): Promise<void> {
  await submit(ctx, channelId, { type: 'member.remove', actor: ctx.user.id, command_id: ctx.newId(), target })
}
