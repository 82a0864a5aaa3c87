import { and, inArray, sql } from 'drizzle-orm'
import { constraintOf } from '../../../db/failures.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { channelEvents, channelMembers, channels, users } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, invalid } from '../../../http/errors.ts'
import { announceChannel } from '../announce.ts'
import { seen, selectView, selectViews, type View } from './access.ts'
import { hasRoom } from './channels.ts'

/**
 * The channel of exactly these people, made when it is first asked for. Its members are fixed.
 * @throws AppError `validation_failed` for a name that is nobody's or one's own alone, `limit_reached`
 */
export async function openDirectChannel(ctx: Ctx, usernames: string[]): Promise<{ channel: View; isNew: boolean }> {
  const { db, user, now, newId } = ctx
  const names = [...new Set(usernames)]
  const others = await db
    .select({ id: users.id, username: users.username })
    .from(users)
    .where(sql`${inArray(users.username, names)} AND deleted_at IS NULL`)
  const isThere = new Set(others.map(({ username }) => username))
  const unknown = names.findIndex((name) => !isThere.has(name))
  if (unknown !== -1) throw invalid([{ pointer: `/usernames/${unknown}`, detail: 'There is nobody of this name' }])
  const members = [...new Set([user.id, ...others.map(({ id }) => id)])].sort()
  if (members.length === 1) throw invalid([{ pointer: '/usernames/0', detail: 'Name somebody else' }])
  const key = members.join(' ')
  const existing = () => selectViews(db, user.id, sql`(SELECT * FROM channels WHERE direct_key = ${key}) c`)
  const [found] = await existing()
  if (found) return { channel: seen([found]), isNew: false }
  const id = newId()
  try {
    const results = await db.batch([
      mustHold(db, 'channels_room', and(...members.map(hasRoom))!),
      db.insert(channels).values({
        id,
        kind: 'direct',
        visibility: 'private',
        // It is called by who is in it, whatever they are called later.
        name: '',
        ownerId: user.id,
        directKey: key,
        lastSeq: members.length,
        createdAt: now,
      }),
      db
        .insert(channelMembers)
        .values(members.map((memberId) => ({ channelId: id, memberId, role: 'member' as const, joinedAt: now }))),
      db.insert(channelEvents).values(
        members.map((memberId, at) => ({
          channelId: id,
          seq: at + 1,
          type: 'member.joined',
          actorId: user.id,
          payload: { user_id: memberId, role: 'member' },
          createdAt: now,
        })),
      ),
      selectView(db, user.id, id),
    ])
    await announceChannel(ctx, id, members, false)
    return { channel: seen(results[4]), isNew: true }
  } catch (error) {
    if (unmetPrecondition(error) === 'channels_room')
      throw new AppError('limit_reached', 'One of you is in 500 channels')
    // Somebody else of them was quicker.
    if (constraintOf(error) !== 'channels.direct_key') throw error
    return { channel: seen(await existing()), isNew: false }
  }
}
