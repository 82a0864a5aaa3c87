import { effect, signal } from '@preact/signals'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'parley.theme'
const kept = localStorage.getItem(KEY) as Theme | null

/** Light or dark; `system` is as the device has it. */
export const theme = signal<Theme>(kept && THEMES.includes(kept) ? kept : 'system')

effect(() => {
  localStorage.setItem(KEY, theme.value)
  document.documentElement.dataset.theme = theme.value
})
