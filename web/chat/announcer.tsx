import { signal } from '@preact/signals'
import { strings } from '../strings.js'

/** How long news is collected before it is read out, in milliseconds. */
const COLLECT = 700

/** Longest text that is read out of one message, in characters. */
const LONGEST = 300

const spoken = signal('')
let waiting: string[] = []

/** Has a screen reader say something, when it has finished what it says. */
export function announce(text: string): void {
  if (waiting.length === 0) setTimeout(speak, COLLECT)
  waiting = [...waiting.slice(-99), text]
}

function speak(): void {
  const last = (waiting.at(-1) ?? '').slice(0, LONGEST)
  spoken.value = waiting.length === 1 ? last : strings.announceMany(waiting.length, last)
  waiting = []
}

/** The page's one polite live region. */
export function Announcer() {
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {spoken}
    </p>
  )
}
