import { and, inArray, sql } from 'drizzle-orm'
import { constraintOf } from '../../../db/failures.ts'
import { mustHold, unmetPrecondition } from '../../../db/preconditions.ts'
import { channelEvents, channelMembers, channels, users } from '../../../db/schema/index.ts'
import type { Ctx } from '../../../http/context.ts'
import { AppError, invalid } from '../../../http/errors.ts'
import { MAX_CHANNELS } from '../../../lib/channel-commands.ts'
import { announceChannel } from '../announce.ts'
import { seen, selectView, selectViews, type View } from './access.ts'
import { hasRoom } from './channels.ts'

/** Nobody is asked whether they want to be in one, and nobody can leave. */
const OPENED_A_DAY = 50
const DAY_MS = 86_400_000

const opensFew = (userId: string, now: Date) => sql`(SELECT count(*) FROM (
  SELECT 1 FROM channel_members om CROSS JOIN channels oc ON oc.id = om.channel_id
  WHERE om.member_id = ${userId} AND oc.kind = 'direct' AND oc.owner_id = ${userId}
    AND oc.created_at > ${now.getTime() - DAY_MS} LIMIT ${OPENED_A_DAY})) < ${OPENED_A_DAY}`

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
      mustHold(db, 'opens_few', opensFew(user.id, now)),
      mustHold(db, 'channels_room', and(...members.map((each) => hasRoom(each, 'direct')))!),
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
    return { channel: seen(results[5]), isNew: true }
  } catch (error) {
    const unmet = unmetPrecondition(error)
    if (unmet === 'opens_few') throw new AppError('limit_reached', `You have opened ${OPENED_A_DAY} today`)
    if (unmet === 'channels_room')
      throw new AppError('limit_reached', `One of you is in ${MAX_CHANNELS} direct channels`)
    // Somebody else of them was quicker.
    if (constraintOf(error) !== 'channels.direct_key') throw error
    return { channel: seen(await existing()), isNew: false }
  }
}
