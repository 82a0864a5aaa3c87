import { openDb } from '../../db/client.ts'
import { describeError, type Log } from '../../http/log.ts'
import { moveReadMarks } from '../channels/service/reading.ts'
import type { Connection } from './connection.ts'
import { errorFrame, FAILED, frame } from './frames.ts'

/** So long marks gather for one statement. */
const GATHER_MS = 1_000

type Waiting = { seq: number; answers: { connection: Connection; id: string }[] }

type Surroundings = {
  d1: D1Database
  moved: (userId: string, channelId: string, readSeq: number) => void
  log: Log
}

/** What clients say that they have read: the last word of a second counts. */
export class ReadMarks {
  readonly #surroundings: Surroundings
  #waiting = new Map<string, Waiting>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  move(connection: Connection, channelId: string, seq: number, id: string | undefined): void {
    const key = `${connection.identity.userId} ${channelId}`
    const waiting = this.#waiting.get(key) ?? { seq: 0, answers: [] }
    waiting.seq = Math.max(waiting.seq, seq)
    if (id !== undefined) waiting.answers.push({ connection, id })
    this.#waiting.set(key, waiting)
    this.#timer ??= setTimeout(() => void this.#store(), GATHER_MS)
  }

  async #store(): Promise<void> {
    const { d1, moved, log } = this.#surroundings
    const waiting = this.#waiting
    this.#waiting = new Map()
    this.#timer = undefined
    const marks = [...waiting].map(([key, { seq }]) => {
      const [user_id, channel_id] = key.split(' ') as [string, string]
      return { user_id, channel_id, seq }
    })
    try {
      const rows = await moveReadMarks(openDb(d1), marks, new Date())
      for (const { userId, channelId, readSeq } of rows) {
        moved(userId, channelId, readSeq)
        answer(waiting.get(`${userId} ${channelId}`)!, frame('ack', { ch: channelId, seq: readSeq, data: {} }))
        waiting.delete(`${userId} ${channelId}`)
      }
      const missing = { code: 'not_found', message: 'You are not in this channel' } as const
      for (const left of waiting.values()) answer(left, errorFrame(missing))
    } catch (error) {
      log('error', 'read_marks_failed', describeError(error))
      for (const left of waiting.values()) answer(left, errorFrame(FAILED))
    }
  }
}

/** Each answer has the id of what it answers. */
function answer({ answers }: Waiting, text: string): void {
  for (const { connection, id } of answers) connection.send(JSON.stringify({ ...JSON.parse(text), id }))
}
