import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { lookAt, subscribe } from './connection.ts'

/** As long as a `typing` is shown (docs/realtime.md, "Heartbeat and presence"). */
const TYPING_MS = 5_000

export type Attendance = ReturnType<typeof followAttendance>

/** Who is there and who is writing in a channel, for as long as it is on the screen. */
export function useAttendance(channelId: string): Attendance {
  const attendance = useMemo(() => followAttendance(channelId), [channelId])
  useEffect(attendance.follow, [attendance])
  return attendance
}

export type Writing = { userId: string; threadId: string | null; runId: string | undefined }

function followAttendance(channelId: string) {
  /** By user; those who are not named are offline. */
  const states = signal<ReadonlyMap<string, 'online' | 'away'>>(new Map())
  /** Of a large channel only how many are there is told. */
  const count = signal<number | undefined>(undefined)
  const writing = signal<readonly Writing[]>([])
  const timers = new Map<string, ReturnType<typeof setTimeout>>()

  function stop(userId: string): void {
    clearTimeout(timers.get(userId))
    writing.value = writing.value.filter((one) => one.userId !== userId)
  }

  function write(one: Writing): void {
    stop(one.userId)
    writing.value = [...writing.value, one]
    timers.set(
      one.userId,
      setTimeout(() => stop(one.userId), TYPING_MS),
    )
  }

  function follow(): () => void {
    const unsubscribe = subscribe((happening) => {
      // Who is there is told anew on each connection.
      if (happening.type === 'open') states.value = new Map()
      if (!('ch' in happening) || happening.ch !== channelId) return
      if (happening.type === 'message') stop(happening.data.user_id)
      if (happening.type === 'chatbot.failed' && happening.data.chatbot_id) stop(happening.data.chatbot_id)
      if (happening.type === 'typing') {
        const { user_id, thread_id, run_id } = happening.data
        write({ userId: user_id, threadId: thread_id, runId: run_id })
      }
      if (happening.type === 'presence') {
        const { data } = happening
        if ('online' in data) count.value = data.online
        else states.value = withState(states.value, data.user_id, data.state)
      }
    })
    const look = () => lookAt(document.visibilityState === 'visible' ? [channelId] : [])
    look()
    document.addEventListener('visibilitychange', look)
    return () => {
      unsubscribe()
      for (const timer of timers.values()) clearTimeout(timer)
      document.removeEventListener('visibilitychange', look)
      lookAt([])
    }
  }

  return { states, count, writing, follow }
}

function withState(
  states: ReadonlyMap<string, 'online' | 'away'>,
  userId: string,
  state: 'online' | 'away' | 'offline',
): ReadonlyMap<string, 'online' | 'away'> {
  const next = new Map(states)
  if (state === 'offline') next.delete(userId)
  else next.set(userId, state)
  return next
}
