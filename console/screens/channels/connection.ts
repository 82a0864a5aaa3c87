import { computed, effect, signal } from '@preact/signals'
import {
  type ChannelEvent,
  type Client,
  connect,
  type Notice,
  type Reset,
  type Resumed,
  type State,
} from '../../../clients/realtime/client.ts'
import { accessToken, me } from '../../api/session.ts'

/** What happens to the user's channels, or to what is known of them. */
export type Happening =
  | ChannelEvent
  | Notice
  | { type: 'reset'; ch: string; data: Reset }
  /** Connected, at first or again: these are all of the user's channels. */
  | { type: 'open'; channels: Resumed['channels'] }
  /** Whose they were has left. */
  | { type: 'end' }

/** How the connection is, and whether it is a first try; undefined before it is first asked for. */
export const link = signal<(State & { isFirst: boolean }) | undefined>(undefined)

const listeners = new Set<(happening: Happening) => void>()
let current: Client | undefined
let focused: string[] = []
/** What the last ticket was asked for with, and what the server took no more. */
let tried: string | undefined
let refused: string | undefined

/** Is told all that happens, until what this gives is called. */
export function subscribe(listener: (happening: Happening) => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

function happen(happening: Happening): void {
  for (const listener of listeners) listener(happening)
}

/** The one connection of this page, made when it is first asked for and closed when the user leaves. */
export function connection(): Client {
  if (current) return current
  current = connect({
    token,
    onEvent: happen,
    onNotice: happen,
    onReset: (ch, data) => happen({ type: 'reset', ch, data }),
    onState(state) {
      // Once more with a fresh one, as every request; refused again, it is for the user to say.
      if (state.state === 'closed' && state.code === 401) {
        const isFirst = refused === undefined
        refused = tried
        if (isFirst) return connectAgain()
      }
      if (state.state === 'open') refused = undefined
      const isFirst = state.state === 'connecting' && !state.after && (link.value?.isFirst ?? true)
      link.value = { ...state, isFirst }
      if (state.state === 'open') happen({ type: 'open', channels: state.channels })
    },
  })
  if (focused.length > 0) current.focus(focused)
  return current
}

/** What is on the screen: of these it is told who is there. */
export function lookAt(channelIds: string[]): void {
  focused = channelIds
  current?.focus(channelIds)
}

/** A new one after an ending that was final. */
export function connectAgain(): void {
  current = undefined
  connection()
}

/** Waits while the device says that it is offline: asking would be in vain. */
async function token(): Promise<string> {
  if (!navigator.onLine) await new Promise((resolve) => addEventListener('online', resolve, { once: true }))
  tried = (await accessToken(refused)) ?? ''
  return tried
}

const check = () => current?.check()
addEventListener('online', check)
addEventListener('offline', check)
document.addEventListener('visibilitychange', check)

const userId = computed(() => me.value?.id)
let connectedAs = userId.peek()
effect(() => {
  if (userId.value === connectedAs) return
  connectedAs = userId.value
  current?.close()
  current = undefined
  refused = undefined
  link.value = undefined
  happen({ type: 'end' })
})
