import { jwtVerify, SignJWT } from 'jose'
import type { Config } from '../../env.ts'
import type { Principal } from '../../http/context.ts'
import { hmacKey, sha256 } from '../../lib/digests.ts'
import { RecentMap } from '../../lib/recent-map.ts'

/** Seconds. */
export const ACCESS_TOKEN_TTL = 30 * 60

const ISSUER = 'parley'
const AUDIENCE = 'parley-api'
const TYPE = 'at+jwt'
const SOCKETS = 'parley-sockets'
const TICKET_TYPE = 'ticket+jwt'

type Secrets = Pick<Config, 'JWT_SECRET' | 'JWT_SECRET_PREVIOUS'>
type Keys = { current: string; byKid: Map<string, CryptoKey>; verified: RecentMap<Verified> }

/** Of whom a token is, and until when, in milliseconds since 1970. */
type Verified = { user: Principal; until: number }

/** A client sends one token for half an hour: an isolate checks its signature once. */
const MOST_VERIFIED = 1_000

const keysOf = new WeakMap<Secrets, Promise<Keys>>()

/** A signed access token (RFC 9068) that names the user and the session, and nothing else. */
export async function signAccessToken({ id, sessionId }: Principal, config: Secrets, now: Date): Promise<string> {
  const { current, byKid } = await keys(config)
  const seconds = Math.floor(now.getTime() / 1000)
  return new SignJWT({ sid: sessionId })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE, kid: current })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(id)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + ACCESS_TOKEN_TTL)
    .sign(byKid.get(current)!)
}

/** Seconds. */
export const TICKET_TTL = 30

/** What a ticket for one socket says: who opens it, and what others call them. */
export type Ticket = {
  id: string
  userId: string
  sessionId: string
  username: string | null
  displayName: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** A signed ticket that opens one socket, and nothing else. Whoever takes it makes sure that it is used once. */
export async function signTicket(ticket: Omit<Ticket, 'expiresAt'>, config: Secrets, now: Date): Promise<string> {
  const { current, byKid } = await keys(config)
  const seconds = Math.floor(now.getTime() / 1000)
  return new SignJWT({ sid: ticket.sessionId, username: ticket.username, name: ticket.displayName })
    .setProtectedHeader({ alg: 'HS256', typ: TICKET_TYPE, kid: current })
    .setIssuer(ISSUER)
    .setAudience(SOCKETS)
    .setSubject(ticket.userId)
    .setJti(ticket.id)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + TICKET_TTL)
    .sign(byKid.get(current)!)
}

/** What a ticket says, or `undefined` for any that is not ours, not now, or of another kind. */
export async function verifyTicket(token: string, config: Secrets): Promise<Ticket | undefined> {
  const { byKid } = await keys(config)
  try {
    const { payload } = await jwtVerify(token, ({ kid }) => keyFor(byKid, kid), {
      algorithms: ['HS256'],
      typ: TICKET_TYPE,
      issuer: ISSUER,
      audience: SOCKETS,
      requiredClaims: ['sub', 'sid', 'jti', 'iat', 'exp'],
      maxTokenAge: TICKET_TTL,
    })
    return {
      id: payload.jti!,
      userId: payload.sub!,
      sessionId: payload.sid as string,
      username: payload.username as string | null,
      displayName: payload.name as string,
      expiresAt: payload.exp! * 1000,
    }
  } catch {
    return undefined
  }
}

/** The user that a token names, or `undefined` for any token that is not ours, not now, or of another kind. */
export async function verifyAccessToken(token: string, config: Secrets): Promise<Principal | undefined> {
  const { byKid, verified } = await keys(config)
  const known = verified.get(token)
  if (known && Date.now() < known.until) return { ...known.user }
  try {
    const { payload } = await jwtVerify(token, ({ kid }) => keyFor(byKid, kid), {
      algorithms: ['HS256'],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'sid', 'iat', 'exp'],
      clockTolerance: 30,
      maxTokenAge: ACCESS_TOKEN_TTL + 30,
    })
    const user = { id: payload.sub as string, sessionId: payload.sid as string }
    verified.set(token, { user, until: Math.min(payload.exp!, payload.iat! + ACCESS_TOKEN_TTL) * 1_000 })
    return { ...user }
  } catch {
    return undefined
  }
}

function keyFor(byKid: Keys['byKid'], kid: string | undefined): CryptoKey {
  const key = byKid.get(kid ?? '')
  if (!key) throw new Error('unknown kid')
  return key
}

/** Imported once. A kid is made of its secret, so that rotating a secret needs no second variable. */
function keys(config: Secrets): Promise<Keys> {
  const known = keysOf.get(config)
  if (known) return known
  const made = (async () => {
    const byKid = new Map<string, CryptoKey>()
    const secrets = [config.JWT_SECRET, config.JWT_SECRET_PREVIOUS].filter((secret) => secret !== undefined)
    for (const secret of secrets) {
      byKid.set((await sha256(`kid:${secret}`)).slice(0, 8), await hmacKey(secret, ['sign', 'verify']))
    }
    return { current: [...byKid.keys()][0]!, byKid, verified: new RecentMap<Verified>(MOST_VERIFIED) }
  })()
  keysOf.set(config, made)
  return made
}
