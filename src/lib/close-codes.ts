/** Codes of a closing socket. 41xx: come again; 45xx: do not, something must change first. */
export const CLOSE = {
  bye: 1000,
  tooLarge: 1009,
  badCredential: 4001,
  otherUser: 4003,
  reconnect: 4100,
  silent: 4101,
  slow: 4102,
  abuse: 4104,
  noResume: 4105,
  loggedOut: 4500,
  disabled: 4501,
  tooMany: 4502,
  version: 4503,
  badFrames: 4504,
  origin: 4505,
} as const
export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]

/** What a client is told, at most 123 bytes. */
export const REASONS: Record<CloseCode, string> = {
  1000: 'bye',
  1009: 'a frame has 16 KiB at most',
  4001: 'the token or ticket is not valid (any more)',
  4003: 'this is not your username',
  4100: 'please reconnect',
  4101: 'no sign of life for a minute',
  4102: 'too slow: resume and you miss nothing',
  4104: 'far too many frames, or too many sockets opened',
  4105: 'no resume within ten seconds',
  4500: 'logged out',
  4501: 'the account is disabled',
  4502: 'too many sockets of one user: this was the oldest',
  4503: 'this version of the protocol is not spoken: offer chat.v1',
  4504: 'too many frames that nobody can read',
  4505: 'this origin is not allowed',
}
