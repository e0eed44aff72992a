import { strings } from '../strings.js'
import type { Chat } from './chat.js'

/** The connection's state in one word, always in view. */
export function ConnectionPill({ chat }: { readonly chat: Chat }) {
  const { state } = chat.connection.value
  return (
    <p class={`pill pill-${state}`} data-state={state}>
      <span class="pill-dot" aria-hidden="true" />
      {strings.connection[state]}
    </p>
  )
}
