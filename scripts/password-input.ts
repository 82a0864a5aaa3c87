import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Refusal } from './command-line.ts'

const TRIES = 3

/**
 * A new password: typed twice at the terminal, which does not show it, or the first line of standard input.
 * `weaknessOf` says why one may not be chosen.
 * @throws Refusal without one, and when it stays weak
 */
export async function readNewPassword(
  name: string,
  weaknessOf: (password: string) => string | undefined,
): Promise<string> {
  return process.stdin.isTTY ? askTwice(name, weaknessOf) : readFirstLine(name)
}

async function askTwice(name: string, weaknessOf: (password: string) => string | undefined): Promise<string> {
  // Raw mode, in which the terminal echoes nothing; and what readline would show goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 })
  terminal.once('SIGINT', () => terminal.close())
  const lines = terminal[Symbol.asyncIterator]()
  try {
    for (let tried = 0; tried < TRIES; tried++) {
      const password = await ask(lines, `Password for ${name}: `)
      const fault =
        weaknessOf(password) ?? ((await ask(lines, 'Once more: ')) === password ? '' : 'These were not the same')
      if (fault === '') return password
      console.error(`${fault}.`)
    }
  } finally {
    terminal.close()
  }
  throw new Refusal('No password was chosen, and nothing was changed.')
}

async function ask(lines: NodeJS.AsyncIterator<string>, question: string): Promise<string> {
  process.stderr.write(question)
  const { value, done } = await lines.next()
  process.stderr.write('\n')
  if (done) throw new Refusal('Stopped; nothing was changed.')
  return value
}

async function readFirstLine(name: string): Promise<string> {
  try {
    for await (const line of createInterface({ input: process.stdin })) return line
  } finally {
    // Whoever holds the other end open is not waited for.
    process.stdin.destroy()
  }
  throw new Refusal(`${name} needs a password: run this in a terminal, or send the password as a line to its input.`)
}
