import { now } from '../shared/ticker.js'
import { strings } from '../strings.js'
import { online } from './attention.js'
import type { Chat } from './chat.js'
import { forget } from './identity.js'
import { ProblemNote } from './problem-note.js'

/** What to know and do while there is no connection. */
export function ConnectionNote({ chat }: { readonly chat: Chat }) {
  const { state } = chat.connection.value
  const problem = chat.problem.value
  if (problem !== undefined) {
    return (
      <ProblemNote problem={problem}>
        {state === 'failed' && (
          <button type="button" class="button" onClick={() => chat.reconnectNow()}>
            {strings.retryNow}
          </button>
        )}
        <button type="button" class="button" onClick={forget}>
          {strings.newToken}
        </button>
      </ProblemNote>
    )
  }
  if (state !== 'reconnecting') return null
  return (
    <div class="lost">
      <p>
        <strong>{online.value ? strings.lost.away : strings.lost.offline}</strong>{' '}
        {strings.lost.hint}
      </p>
      {online.value && <Countdown chat={chat} />}
      <button type="button" class="button" onClick={() => chat.reconnectNow()}>
        {strings.retryNow}
      </button>
    </div>
  )
}

/** Not read out: a screen reader would speak every second. */
function Countdown({ chat }: { readonly chat: Chat }) {
  const { retryAt } = chat.connection.value
  const seconds = Math.max(0, Math.ceil(((retryAt ?? 0) - now.value) / 1000))
  return (
    <span class="countdown" aria-hidden="true">
      {strings.retryIn(seconds)}
    </span>
  )
}
