import { effect, signal } from '@preact/signals'

/** How replies are asked for; without a model the conversation's project chooses it, or the server. */
export type ReplySettings = { model?: string; internet_enabled: boolean }

const KEY = 'parley.reply'

export const replySettings = signal<ReplySettings>(readSettings())

effect(() => localStorage.setItem(KEY, JSON.stringify(replySettings.value)))

function readSettings(): ReplySettings {
  try {
    const { model, internet_enabled } = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return { model: typeof model === 'string' ? model : undefined, internet_enabled: internet_enabled === true }
  } catch {
    return { internet_enabled: false }
  }
}
