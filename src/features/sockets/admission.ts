import type { Identity } from './connection.ts'

/** What the Worker hands over with a socket. */
export type Admission = { identity: Identity; protocol: string | undefined; ticket?: { id: string; expiresAt: number } }

/** The header that it comes in; the request has nothing of the client's own. */
export const ADMISSION = 'x-parley-admission'
