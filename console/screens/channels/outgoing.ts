import { signal } from '@preact/signals'
import type { RealtimeError } from '../../../clients/realtime/client.ts'
import type { Schemas } from '../../api/client.ts'
import { connection, subscribe } from './connection.ts'
import type { Timeline } from './timeline.ts'

/** A message on its way: shown at once, and kept until the timeline has it. */
export type Outgoing = {
  nonce: string
  channelId: string
  threadId: string | null
  content: string
  attachments: Schemas['Attachment'][]
  at: string
  /** Of its event, once the server has acknowledged it. */
  seq?: number
  /** Why it was refused. */
  error?: RealtimeError
}

export const outgoing = signal<readonly Outgoing[]>([])

type Said = Pick<Outgoing, 'channelId' | 'threadId' | 'content' | 'attachments'>

/** Says something: it is stored once, whatever the connection does meanwhile. */
export function say(said: Said): void {
  const message = { ...said, nonce: crypto.randomUUID(), at: new Date().toISOString() }
  outgoing.value = [...outgoing.value, message]
  transmit(message)
}

/** Tries once more what was refused. The nonce is the same: what was stored after all is not said twice. */
export function sayAgain(message: Outgoing): void {
  change(message.nonce, { error: undefined })
  transmit(message)
}

export function discard(nonce: string): void {
  outgoing.value = outgoing.value.filter((message) => message.nonce !== nonce)
}

async function transmit({ nonce, channelId, threadId, content, attachments }: Outgoing): Promise<void> {
  const options = { nonce, threadId: threadId ?? undefined, attachments: attachments.map(({ id }) => id) }
  try {
    const { seq } = await connection().send(channelId, content, options)
    change(nonce, { seq })
  } catch (error) {
    change(nonce, { error: error as RealtimeError })
  }
}

function change(nonce: string, changes: Partial<Outgoing>): void {
  outgoing.value = outgoing.value.map((message) => (message.nonce === nonce ? { ...message, ...changes } : message))
}

/** Those of a timeline that it does not have yet. */
export function pendingOf(channelId: string, { threadId, seq, entries }: Timeline): readonly Outgoing[] {
  const said = new Set(entries.map(({ message }) => message.nonce))
  return outgoing.value.filter(
    (message) =>
      message.channelId === channelId &&
      message.threadId === threadId &&
      !said.has(message.nonce) &&
      (message.seq ?? seq + 1) > seq,
  )
}

subscribe((happening) => {
  if (happening.type === 'message' && happening.data.nonce) discard(happening.data.nonce)
  if (happening.type === 'end') outgoing.value = []
})
