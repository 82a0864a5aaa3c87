import type { Mail } from './mailer.ts'

type Content = Omit<Mail, 'to'>
/** Without the name: it is anybody's text, and the address may be a stranger's. */
type ForToken = { token: string; appUrl: string | undefined }

/** Asks to confirm an address. The code works for 24 hours. */
export const verifyMail = ({ token, appUrl }: ForToken): Content =>
  compose('Confirm your email address', undefined, [
    'Please confirm that this address is yours.',
    ...action('Confirm the address', 'verify', token, appUrl),
    'The code works once, for 24 hours. If you did not ask for it, ignore this mail: nothing happens.',
  ])

/** Lets a new password be chosen. The code works for 10 minutes. */
export const resetMail = ({ token, appUrl }: ForToken): Content =>
  compose('Reset your password', undefined, [
    'Somebody, hopefully you, asked to reset the password of this account.',
    ...action('Choose a new password', 'reset', token, appUrl),
    'The code works once, for 10 minutes. If you did not ask for it, ignore this mail: your password stays as it is.',
  ])

export const passwordChangedMail = ({ name, at }: { name: string; at: Date }): Content =>
  compose('Your password was changed', name, [
    `The password of your account was changed on ${readable(at)}, and other sessions were signed out.`,
    'If that was not you, reset the password now and look through your sessions.',
  ])

/** Goes to the old address, and does not name the new one. */
export const emailChangedMail = ({ name, at }: { name: string; at: Date }): Content =>
  compose('Your email address was changed', name, [
    `Since ${readable(at)} this address is no longer that of your account.`,
    'If that was not you, write to those who run this service: they can give the account back to you.',
  ])

/** After too many wrong passwords in a row. */
export const signInClosedMail = ({ name }: { name: string }): Content =>
  compose('Signing in with your password is closed', name, [
    'There were too many wrong passwords in a row, so your account takes none until you choose a new one.',
    'Use "Forgot password" to do so. Where you are signed in already you stay so.',
  ])

type Part = string | { link: string; label: string } | { code: string }

const action = (label: string, page: string, token: string, appUrl: string | undefined): Part[] => [
  // In the fragment: no server that the link passes writes it into a log.
  ...(appUrl ? [{ link: `${appUrl}/${page}#token=${token}`, label }] : []),
  `${appUrl ? 'Or enter' : 'Enter'} this code where you were asked for it:`,
  { code: token },
]

function compose(subject: string, name: string | undefined, parts: Part[]): Content {
  const all = [name === undefined ? 'Hello,' : `Hello ${name},`, ...parts]
  return {
    subject: `${subject} · Parley`,
    text: `${all.map(toText).join('\n\n')}\n\nParley\n`,
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="font:16px/1.5 system-ui,sans-serif;color:#222;max-width:36em;margin:2em auto;padding:0 1em">
${all.map(toHtml).join('\n')}
<p style="color:#666">Parley</p></body></html>
`,
  }
}

const toText = (part: Part) => {
  if (typeof part === 'string') return part
  return 'code' in part ? `    ${part.code}` : `${part.label}: ${part.link}`
}

const toHtml = (part: Part) => {
  if (typeof part === 'string') return `<p>${escapeHtml(part)}</p>`
  if ('code' in part)
    return `<p><code style="font-size:1.1em;overflow-wrap:anywhere">${escapeHtml(part.code)}</code></p>`
  return `<p><a href="${escapeHtml(part.link)}">${escapeHtml(part.label)}</a></p>`
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (char) => ESCAPES[char]!)

const readable = (at: Date) => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
