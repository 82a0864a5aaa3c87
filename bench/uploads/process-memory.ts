import { processesOf } from '../process-group.ts'

/** What the workerd processes of a server hold in memory, in megabytes. Linux alone tells. */
export function workerdMegabytes(serverPid: number): number {
  return processesOf(serverPid)
    .filter(({ name }) => name === 'workerd')
    .reduce((sum, { megabytes }) => sum + megabytes, 0)
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
