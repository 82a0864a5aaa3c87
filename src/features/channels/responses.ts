import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { AppError, type ErrorCode, invalid } from '../../http/errors.ts'
import { described } from '../../http/openapi.ts'
import { sha256 } from '../../lib/digests.ts'
import { versionTag } from '../../lib/version-tags.ts'
import { text, uuid } from '../../lib/wire-fields.ts'
import type { View } from './service/access.ts'

/** Why a channel is not shown. */
export const UNSEEN = ['not_found', 'banned'] as const satisfies ErrorCode[]
/** What every command can end in. */
export const REFUSED = [...UNSEEN, 'forbidden', 'overloaded'] as const satisfies ErrorCode[]

const example = '019b76da-a800-7000-8000-000000000000'
const param = (name: string) => uuid().openapi({ param: { name, in: 'path' }, example })

export const ChannelParam = z.object({ id: param('id') })
export const MessageParams = ChannelParam.extend({ message_id: param('message_id') })
export const UserParam = ChannelParam.extend({ user_id: param('user_id') })
export const InviteParams = ChannelParam.extend({ invite_id: param('invite_id') })

export const IfMatch = z.object({
  'if-match': text(200).optional().openapi({ description: 'An `ETag`: only that version is changed' }),
})

/** How far the channel had come when a page of it was read: a socket that goes on from there misses nothing. */
export const placeHeaders = ({ epoch, last_seq }: Pick<View, 'epoch' | 'last_seq'>) => ({
  'x-channel-epoch': String(epoch),
  'x-channel-seq': String(last_seq),
})

/** A page of something of a channel. */
export const channelPage = <S extends z.ZodType>(item: S, description: string) => ({
  description,
  headers: described('Link', 'X-Next-Cursor', 'X-Channel-Epoch', 'X-Channel-Seq'),
  content: { 'application/json': { schema: z.array(item).max(100) } },
})

/** The entity tag of a thing that has versions, as it is shown. */
export const tagOf = async (version: number, shown: unknown) => versionTag(version, await sha256(JSON.stringify(shown)))

/** Where a list goes on whose places are numbers of events. */
export function goOn(c: Context, name: 'before_seq' | 'after_seq', seq: number | undefined): Record<string, string> {
  if (seq === undefined) return {}
  const url = new URL(c.req.url)
  url.searchParams.delete('around_seq')
  url.searchParams.set(name, String(seq))
  return { link: `<${url.pathname}${url.search}>; rel="next"` }
}

/**
 * The nonce of a send: from the body, or from the `Idempotency-Key`, which is the same thing.
 * @throws AppError `validation_failed` when there are two, `idempotency_key_invalid`
 */
export async function nonceOf(c: Context, given: string | undefined): Promise<string | undefined> {
  const header = c.req.header('idempotency-key')
  if (header === undefined) return given
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw new AppError('idempotency_key_invalid')
  const nonce = /^[A-Za-z0-9_-]{1,64}$/.test(key) ? key : await sha256(key)
  if (given !== undefined && given !== nonce) {
    throw invalid([{ pointer: '/nonce', detail: 'The Idempotency-Key says something else' }])
  }
  return nonce
}
