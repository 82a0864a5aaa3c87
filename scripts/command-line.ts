import { constants } from 'node:os'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { Target } from './d1.ts'

/** Why a command does not do what it was asked for, as one line for whoever typed it. */
export class Refusal extends Error {
  constructor(sentence: string) {
    super(sentence)
    this.name = 'Refusal'
  }
}

/** Runs a command: `--help` prints `usage`, a refusal is one line and exit code 1. */
export async function runCommand(usage: string, run: () => Promise<void>): Promise<void> {
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    console.log(usage)
    return
  }
  try {
    await run()
  } catch (error) {
    process.exitCode = 1
    console.error(error instanceof Refusal ? error.message : error)
  }
}

/** The options of the command line. @throws Refusal for an unknown one, and for anything that is no option */
export function readOptions<const O extends NonNullable<ParseArgsConfig['options']>>(options: O) {
  try {
    return parseArgs({ options, allowPositionals: false, strict: true }).values
  } catch (error) {
    throw new Refusal(`${(error as Error).message.split('. ')[0]}. --help shows what there is.`)
  }
}

/** The options that say which database a command is about. */
export const TARGET = { 'persist-to': { type: 'string' }, remote: { type: 'boolean' } } as const

/** @throws Refusal when both are named */
export function targetOf(given: { 'persist-to'?: string; remote?: boolean }): Target {
  if (given.remote && given['persist-to'] !== undefined) {
    throw new Refusal('--remote is the deployed database, --persist-to a folder on this machine: give one of them.')
  }
  return given.remote ? { remote: true } : { remote: false, persistTo: given['persist-to'] }
}

/** Does `last` when a signal ends this process, which skips every `finally`. Gives what takes that back. */
export function onSignal(last: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const stop = (signal: NodeJS.Signals) => {
    last()
    process.exit(128 + constants.signals[signal])
  }
  for (const signal of signals) process.once(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
  }
}
