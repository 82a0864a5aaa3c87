import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mail } from './mail-sink.ts'

/** Keeps a mail as `<time>-<to>.txt` and `.html`, and of all there are the newest `max`. Codes are in it: owner only. */
export function keepMail(folder: string, mail: Mail, max: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stem = join(folder, `${newStamp(mail.at)}-${fileNameOf(mail.to[0]!)}`)
  writeFileSync(`${stem}.txt`, textOf(mail), { flag: 'wx', mode: 0o600 })
  writeFileSync(`${stem}.html`, mail.html, { flag: 'wx', mode: 0o600 })
  const stems = new Set(readdirSync(folder).flatMap((file) => STEM.exec(file)?.[1] ?? []))
  for (const old of [...stems].sort().slice(0, -max)) {
    for (const kind of ['txt', 'html']) rmSync(join(folder, `${old}.${kind}`), { force: true })
  }
}

/** A mail for people: whom it goes to, what it is about, and its text. */
export function textOf({ from, to, subject, text }: Mail): string {
  return printable(`From: ${oneLine(from)}\nTo: ${oneLine(to.join(', '))}\nSubject: ${oneLine(subject)}\n\n${text}`)
}

/** Files of our own making; whatever else is in the folder stays. */
const STEM = /^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-.+)\.(txt|html)$/

let lastMs = 0

/** The time as a part of a file's name. Of two mails in one millisecond the second is put into the next. */
function newStamp(at: string): string {
  lastMs = Math.max(Date.parse(at), lastMs + 1)
  return new Date(lastMs).toISOString().replace(/[:.]/g, '-')
}

const fileNameOf = (address: string) => address.replace(/[^a-z0-9@._+-]/gi, '_').slice(0, 100)

const oneLine = (text: string) => text.replace(/\s+/g, ' ')

/** Without the characters that make a terminal do things. */
const printable = (text: string) => text.replace(/[^\P{Cc}\n\t]/gu, '')
