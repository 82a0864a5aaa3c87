import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

type Report = {
  numPassedTests: number
  numFailedTests: number
  success: boolean
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[]
  }[]
}

const MAX_MESSAGE_LINES = 12

/**
 * What vitest's JSON reports in a folder say: every failure with its reason, and last a line with the counts.
 * Not `ok` when something failed, and not when nothing ran: silence proves nothing.
 */
export function testCounts(folder: string): { ok: boolean; summary: string } {
  const reports = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report)
  const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0)
  const passed = sum(({ numPassedTests }) => numPassedTests)
  const failed = sum(({ numFailedTests, testResults }) => numFailedTests + testResults.filter(isBroken).length)
  return {
    ok: reports.every(({ success }) => success) && failed === 0 && passed > 0,
    summary: [...reports.flatMap(failures), `${passed} passed, ${failed} failed`].join('\n'),
  }
}

/** What a long run printed of a failure is far above its end, where nobody looks. */
const failures = ({ testResults }: Report) =>
  testResults.flatMap((file) => [
    ...(isBroken(file) ? [described(file.name, file.message)] : []),
    ...file.assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => described(`${file.name}: ${fullName}`, failureMessages.join('\n'))),
  ])

const described = (title: string, message: string) =>
  [`FAILED ${relative(process.cwd(), title)}`, ...message.split('\n').slice(0, MAX_MESSAGE_LINES)].join('\n    ')

/** A file that does not even load has no failed test, but must not look like a success. */
const isBroken = ({ status, assertionResults }: Report['testResults'][number]) =>
  status === 'failed' && !assertionResults.some((test) => test.status === 'failed')

if (import.meta.main) {
  const { ok, summary } = testCounts(process.argv[2]!)
  console.log(summary)
  if (!ok) process.exitCode = 1
}
