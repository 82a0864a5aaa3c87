import { existsSync, readdirSync, readFileSync } from 'node:fs'

const MEGABYTE = 1e6
/** Ticks per second in /proc, on every Linux there is. */
const TICKS = 100

export type GroupProcess = { pid: number; name: string; cpuSeconds: number; megabytes: number }

/** The processes of a group with what they have used so far, resident memory in megabytes. Linux alone tells. */
export function processesOf(group: number): GroupProcess[] {
  if (!existsSync('/proc')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // "pid (name) state parent group …", times of user and system in the 12th and 13th place after the name.
        const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
        const fields = rest!.split(' ')
        if (Number(fields[2]) !== group) return []
        const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
        const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS
        return [{ pid: Number(pid), name: name!, cpuSeconds, megabytes: (kilobytes * 1024) / MEGABYTE }]
      } catch {
        // It has ended meanwhile.
        return []
      }
    })
}

/** For how many seconds all cores together were busy so far. */
export function machineSeconds(): number {
  if (!existsSync('/proc')) return Number.NaN
  // "cpu user nice system idle iowait irq softirq steal …"
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user! + nice! + system! + irq! + softirq! + steal!) / TICKS
}
