import type { OutboxItem } from 'parley/client'
import { Flag } from '../shared/flag.js'
import { strings } from '../strings.js'
import { MessageText } from './message-text.js'
import { describe } from './problems.js'
import type { Room } from './room.js'

interface Props {
  readonly item: OutboxItem<unknown>
  readonly room: Room
  /** The first under its name. */
  readonly opens: boolean
}

const STATES = {
  pending: strings.room.waiting,
  sending: strings.room.sending,
} as const

/** A message of the reader that the server has not confirmed. */
export function PendingLine({ item, room, opens }: Props) {
  const { id, msg, state } = item
  return (
    <li class={`line own ${state} ${opens ? 'opens' : ''}`}>
      <span class="rail">{opens && <Flag of={room.nick.value} />}</span>
      <div class="line-body">
        {opens ? (
          <p class="line-head">
            <span class="nick">{strings.room.you}</span>
          </p>
        ) : (
          <span class="visually-hidden">{strings.room.you}: </span>
        )}
        <MessageText msg={msg} />
        {state === 'failed' && (
          <p class="failure">
            {strings.room.notSent(describe(item.error).title)}
            <button type="button" class="link-button" onClick={() => room.retry(id)}>
              {strings.room.retry}
            </button>
            <button type="button" class="link-button" onClick={() => room.discard(id)}>
              {strings.room.discard}
            </button>
          </p>
        )}
      </div>
      {state !== 'failed' && <span class="line-note">{STATES[state]}</span>}
    </li>
  )
}
