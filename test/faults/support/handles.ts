import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const MEGABYTE = 1e6

/** What a process holds: open sockets, all open descriptors, resident memory. Linux alone tells. */
export type Holdings = { sockets: number; handles: number; megabytes: number }

export function holdingsOf(pid: number): Holdings {
  const targets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      // It was closed meanwhile.
      return []
    }
  })
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
  return {
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
    handles: targets.length,
    megabytes: Math.round((kilobytes * 1024) / MEGABYTE),
  }
}

/** What it holds once `isEnough`, or after `ms`. */
export async function holdingsWhen(pid: number, ms: number, isEnough: (now: Holdings) => boolean): Promise<Holdings> {
  for (const end = Date.now() + ms; ; await sleep(500)) {
    const now = holdingsOf(pid)
    if (isEnough(now) || Date.now() > end) return now
  }
}
