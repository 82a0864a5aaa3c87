import type { BaseCtx } from '../../../http/context.ts'
import { AppError } from '../../../http/errors.ts'
import { CLOSE } from '../../../lib/close-codes.ts'
import { gatewayName, shardOf } from '../../../lib/shards.ts'
import { type Opener, openerOf, verifyAccessToken, verifyTicket } from '../../auth/service/tickets.ts'
import { ADMISSION, type Admission } from '../admission.ts'
import { Openings } from '../openings.ts'
import { refuseSocket } from '../refusal.ts'

const PROTOCOL = 'chat.v1'
const TICKET = 'ticket.'
/** Of this isolate: the Gateway has its own, but is asked later than D1. */
const openings = new Openings()

/** What a client wants of a socket, as its request says. */
type Knock = {
  /** Of the request; `undefined` when it is no browser's. */
  origin: string | undefined
  ownOrigin: string
  /** From `Sec-WebSocket-Protocol`. */
  offered: string[]
  credential: { ticket: string } | { token: string } | undefined
  /** The name in the path of contract 3. */
  username: string | undefined
}

/** A ticket that stands among the protocols, where a browser can put one. */
export const ticketAmong = (offered: string[]): string | undefined =>
  offered.find((each) => each.startsWith(TICKET))?.slice(TICKET.length)

/**
 * Opens a socket. It is refused, where it is, after the upgrade and with a code: a browser cannot read the status of an answer.
 * @throws AppError `unauthorized` without a credential, `overloaded` when the Gateway cannot be reached
 */
export async function connect(ctx: BaseCtx, knock: Knock): Promise<Response> {
  const { offered, username } = knock
  const protocol = offered.includes(PROTOCOL) ? PROTOCOL : undefined
  const isSeed = username !== undefined && protocol === undefined
  if (!isAllowed(ctx, knock)) return refuseSocket(CLOSE.origin, protocol, isSeed)
  if (offered.length > 0 && protocol === undefined) return refuseSocket(CLOSE.version, undefined, isSeed)
  if (!knock.credential) throw new AppError('unauthorized')
  const found = await openerFrom(ctx, knock.credential)
  if (found === 'too_often') return refuseSocket(CLOSE.abuse, protocol, isSeed)
  if (!found) return refuseSocket(CLOSE.badCredential, protocol, isSeed)
  const { opener, ticket } = found
  if (username !== undefined && opener.username !== username.toLowerCase()) {
    return refuseSocket(CLOSE.otherUser, protocol, isSeed)
  }
  const identity: Admission['identity'] = {
    ...opener,
    mode: isSeed ? 'seed' : 'chat.v1',
    connectionId: ctx.newId(),
    since: ctx.now.getTime(),
    hasResumed: false,
    focused: [],
  }
  return admit(ctx, { identity, protocol, ticket })
}

async function admit({ gateways, config }: BaseCtx, admission: Admission): Promise<Response> {
  const gateway = gateways.getByName(gatewayName(await shardOf(admission.identity.userId, config.SOCKET_SHARDS)))
  // A request of our own: nothing that the client has sent gets there.
  const headers = { upgrade: 'websocket', [ADMISSION]: encodeURIComponent(JSON.stringify(admission)) }
  const response = await gateway.fetch('https://gateway/', { headers }).catch((error) => {
    throw new AppError('overloaded', undefined, { retryAfterS: 1, cause: error })
  })
  // With headers that can still be written to.
  const { status, webSocket } = response
  return new Response(null, { status, webSocket, headers: response.headers })
}

async function openerFrom(
  { db, config, now }: BaseCtx,
  credential: NonNullable<Knock['credential']>,
): Promise<{ opener: Opener; ticket: Admission['ticket'] } | 'too_often' | undefined> {
  if ('ticket' in credential) {
    const ticket = await verifyTicket(credential.ticket, config)
    if (!ticket) return undefined
    const { id, expiresAt, ...opener } = ticket
    return { opener, ticket: { id, expiresAt } }
  }
  const user = await verifyAccessToken(credential.token, config)
  if (user && !openings.allows(user.id, now.getTime())) return 'too_often'
  const opener = user && (await openerOf(db, user, now))
  return opener && { opener, ticket: undefined }
}

const isAllowed = ({ config }: BaseCtx, { origin, ownOrigin }: Knock): boolean =>
  origin === undefined ||
  origin === ownOrigin ||
  config.CORS_ORIGINS.includes(origin) ||
  config.CORS_ORIGINS.includes('*')
