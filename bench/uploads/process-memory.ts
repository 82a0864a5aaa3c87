import { readdirSync, readFileSync } from 'node:fs'

const MEGABYTE = 1e6

/** What the workerd processes of a server hold in memory, in megabytes. Linux alone tells. */
function workerdMegabytes(serverPid: number): number {
  let kilobytes = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      // "pid (name) state parent group …"
      const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
      if (name !== 'workerd' || Number(rest!.split(' ')[2]) !== serverPid) continue
      kilobytes += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    } catch {
      // It has ended meanwhile.
    }
  }
  return (kilobytes * 1024) / MEGABYTE
}

/** By how many megabytes the workerd processes grow while `work` is done, at the most and when it has ended. */
export async function growthDuring(serverPid: number, work: () => Promise<unknown>) {
  const before = workerdMegabytes(serverPid)
  let most = before
  const sampling = setInterval(() => {
    most = Math.max(most, workerdMegabytes(serverPid))
  }, 50)
  try {
    await work()
  } finally {
    clearInterval(sampling)
  }
  return { most: most - before, last: workerdMegabytes(serverPid) - before }
}
