import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

type Report = {
  numPassedTests: number
  numFailedTests: number
  success: boolean
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

/** What vitest's JSON reports in a folder say. Not `ok` when something failed, and not when nothing ran: silence proves nothing. */
export function testCounts(folder: string): { ok: boolean; line: string } {
  const reports = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report)
  const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0)
  const passed = sum(({ numPassedTests }) => numPassedTests)
  const failed = sum(({ numFailedTests, testResults }) => numFailedTests + testResults.filter(isBroken).length)
  return {
    ok: reports.every(({ success }) => success) && failed === 0 && passed > 0,
    line: `${passed} passed, ${failed} failed`,
  }
}

/** A file that does not even load has no failed test, but must not look like a success. */
const isBroken = ({ status, assertionResults }: Report['testResults'][number]) =>
  status === 'failed' && !assertionResults.some((test) => test.status === 'failed')

if (import.meta.main) {
  const { ok, line } = testCounts(process.argv[2]!)
  console.log(line)
  if (!ok) process.exitCode = 1
}
