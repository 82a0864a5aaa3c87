import { passPreconditions } from '../../../db/client.ts'
import type { BaseCtx } from '../../../http/context.ts'
import { AppError, invalid, notFound } from '../../../http/errors.ts'
import type { Command, Outcome, Refusal } from '../../../lib/channel-commands.ts'
import { toTimestamp } from '../../../lib/timestamps.ts'

type Done = Extract<Outcome, { ok: true }>

/** Has the channel do something in the caller's name. @throws AppError what it was refused with */
export async function submit(
  { db, channels }: Pick<BaseCtx, 'db' | 'channels'>,
  channelId: string,
  command: Command,
): Promise<Done> {
  await passPreconditions(db)
  const [outcome] = await channels
    .getByName(channelId)
    .submit([command])
    .catch((error) => {
      throw new AppError('overloaded', undefined, { retryAfterS: 1, cause: error })
    })
  if (outcome!.ok) return outcome as Done
  throw toError(outcome as Refused)
}

type Refused = Extract<Outcome, { ok: false }>
const FORBIDDEN = 'You may not do this in this channel'

const ERRORS: Record<Refusal, (refused: Refused) => AppError> = {
  not_found: () => notFound(),
  forbidden: () => new AppError('forbidden', FORBIDDEN),
  banned: () => new AppError('banned'),
  user_banned: () => new AppError('user_banned'),
  muted: ({ mutedUntil }) => new AppError('muted', undefined, { extras: { until: toTimestamp(mutedUntil ?? 0) } }),
  gone: () => new AppError('gone'),
  precondition_failed: () => new AppError('precondition_failed', 'It was changed meanwhile: look at it again'),
  nonce_conflict: () => new AppError('nonce_conflict'),
  limit_reached: () => new AppError('limit_reached'),
  name_taken: () => new AppError('conflict', 'The handle of the chatbot is the name of a user'),
  direct_channel: () => new AppError('direct_channel'),
  last_owner: () => new AppError('last_owner', 'Hand the channel over first, or delete it'),
  attachment_not_found: () => new AppError('file_not_found', 'Each of `attachments` is the id of a file of yours'),
  thread_not_found: () => invalid([{ pointer: '/thread_id', detail: 'There is no such message in this channel' }]),
  rate_limit_exceeded: ({ retryAfterMs = 0 }) =>
    new AppError('rate_limit_exceeded', 'Too many messages in this channel', {
      retryAfterS: Math.ceil(retryAfterMs / 1_000),
    }),
  unavailable: () => new AppError('overloaded', undefined, { retryAfterS: 1 }),
}

const toError = (refused: Refused): AppError => ERRORS[refused.code](refused)
