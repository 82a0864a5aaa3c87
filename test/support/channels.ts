import { type Answer, type SignedIn, signIn } from './client.ts'

/** The id of a new channel of somebody's. */
export const newChannel = async (owner: SignedIn, more: object = {}): Promise<string> =>
  (await owner('POST', '/channels', { name: 'general', ...more })).body.id

export const say = (who: SignedIn, channel: string, content: string, more: object = {}): Promise<Answer> =>
  who('POST', `/channels/${channel}/messages`, { content, ...more })

/** The id of a message that somebody says. */
export const said = async (...args: Parameters<typeof say>): Promise<string> => (await say(...args)).body.id

export const join = (who: SignedIn, channel: string) => who('POST', `/channels/${channel}/join`)

export const add = (by: SignedIn, channel: string, who: SignedIn) =>
  by('POST', `/channels/${channel}/members`, { user_id: who.user.id })

export const setMember = (by: SignedIn, channel: string, who: SignedIn, changes: object) =>
  by('PATCH', `/channels/${channel}/members/${who.user.id}`, changes)

export const ban = (by: SignedIn, channel: string, who: SignedIn, body?: object) =>
  by('POST', `/channels/${channel}/ban-by-username/${who.user.username}`, body)

export const unban = (by: SignedIn, channel: string, who: SignedIn) =>
  by('POST', `/channels/${channel}/unban-by-username/${who.user.username}`)

/** Fresh users, some at a time: only so many passwords are hashed at once. */
export async function signInMany(n: number): Promise<SignedIn[]> {
  const users: SignedIn[] = []
  while (users.length < n) {
    users.push(...(await Promise.all(Array.from({ length: Math.min(8, n - users.length) }, () => signIn()))))
  }
  return users
}

/** `[user id, role]` of the members, as somebody sees them. */
export const rolesIn = async (who: SignedIn, channel: string): Promise<Record<string, string>> => {
  const { body } = await who('GET', `/channels/${channel}/members?limit=100`)
  return Object.fromEntries(body.map(({ user, role }: { user: { id: string }; role: string }) => [user.id, role]))
}

/** Texts of a page of messages. */
export const textsOf = ({ body }: Answer): (string | null)[] =>
  body.map(({ content }: { content: string | null }) => content)

/** Numbers of a page of messages. */
export const seqsOf = ({ body }: Answer): number[] => body.map(({ seq }: { seq: number }) => seq)

/** Why something was refused. */
export const refusalOf = ({ status, body }: Answer) => (status >= 400 ? `${status} ${body.code}` : `${status}`)
