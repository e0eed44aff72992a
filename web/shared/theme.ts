import { effect, signal } from '@preact/signals'
import { remembered } from './storage.js'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'parley:theme'
const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }

const stored = remembered.get(KEY)
export const theme = signal<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')

export function nextTheme(): void {
  theme.value = NEXT[theme.value]
}

// `styles/tokens.css` follows the system unless the root element says otherwise.
effect(() => {
  const root = document.documentElement
  if (theme.value === 'system') delete root.dataset.theme
  else root.dataset.theme = theme.value
  remembered.set(KEY, theme.value === 'system' ? undefined : theme.value)
})
