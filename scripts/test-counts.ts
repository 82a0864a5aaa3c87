import { readFileSync } from 'node:fs'

type Report = {
  numPassedTests: number
  numFailedTests: number
  success: boolean
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

/** What vitest's JSON report says. Not `ok` when something failed, and not when nothing ran: silence proves nothing. */
export function testCounts(reportFile: string): { ok: boolean; line: string } {
  const report: Report = JSON.parse(readFileSync(reportFile, 'utf8'))
  // A file that does not even load has no failed test, but must not look like a success.
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  )
  const failed = report.numFailedTests + broken.length
  return {
    ok: report.success && failed === 0 && report.numPassedTests > 0,
    line: `${report.numPassedTests} passed, ${failed} failed`,
  }
}

if (import.meta.main) {
  const { ok, line } = testCounts(process.argv[2]!)
  console.log(line)
  if (!ok) process.exitCode = 1
}
