import type { Answer, Sent } from './requests.ts'

/** What is nobody's business but ours, wherever it stands. What people write is made so that it has nothing of it. */
const INSIDES =
  /\$scrypt\$|D1_ERROR|SQLITE_|constraint failed|DrizzleQueryError|(Type|Range|Reference|Syntax)Error\b|\bat .{1,200}:\d+:\d+\)?|\b(src|node_modules)\/[\w./-]+\.[jt]s\b|\bINSERT INTO\b|\bSELECT .{1,200} FROM\b/
const ACCESS_TOKEN = /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/
const API_KEY = /\bparley_[sp]k_[0-9A-Za-z]{43}_/

/** Operations that give somebody something that opens doors. */
const GIVES_TOKENS = new Set(['register', 'login', 'refresh', 'createToken', 'createSocketTicket'])
const GIVES_KEYS = new Set(['createApiKey', 'rotateApiKey'])

/** What somebody says under their mark, and their email; a password is in no answer at all. */
const MARK = /\bprivate-[0-9a-f]{16}\b/g
const USERNAME = /\bu[0-9a-f]{16}\b/g
const PASSWORD = /\bsecret-[0-9a-f]{24}\b/

/** Where people meet, and so are named. */
const TOGETHER = /\/(channels|invites|chat\/messages)\b/
/** What it shows is there for everybody who has the link. */
const SHARED = /\/shared\//

/** What an answer says that it must not. */
export function leaksOf(sent: Sent, { status, headers, text }: Answer, operation = ''): string[] {
  const all = `${[...headers].join('\n')}\n${text}`
  const insides = (status >= 400 ? INSIDES : /\$scrypt\$/).exec(all)?.[0]
  return [
    ...(insides ? [`something of our insides: ${insides}`] : []),
    ...(ACCESS_TOKEN.test(all) && !GIVES_TOKENS.has(operation) ? ['an access token'] : []),
    ...(API_KEY.test(all) && !GIVES_KEYS.has(operation) ? ['an API key'] : []),
    ...(PASSWORD.test(all) ? ['a password'] : []),
    ...(GIVES_TOKENS.has(operation) || SHARED.test(sent.url) ? [] : foreignIn(all, sent)),
  ]
}

/** What is neither of who asks nor in what they sent. An administrator may see it. */
function foreignIn(all: string, { by, url, body }: Sent): string[] {
  if (by?.name === 'admin') return []
  const own = `${by?.mark} ${by?.username} ${url} ${typeof body === 'string' ? body : ''}`
  const names = TOGETHER.test(url) ? [] : (all.match(USERNAME) ?? [])
  const foreign = [...(all.match(MARK) ?? []), ...names].filter((each) => !own.includes(each))
  return [...new Set(foreign)].map((each) => `what is somebody else’s: ${each}`)
}
