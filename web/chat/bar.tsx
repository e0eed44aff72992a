import { Flag } from '../shared/flag.js'
import { Icon } from '../shared/icons.js'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'
import { ConnectionPill } from './connection-pill.js'

interface Props {
  readonly chat: Chat
  /** Opens the rooms, where they are not beside. */
  readonly onRooms: (() => void) | undefined
  /** Opens who is here, where that is not beside. */
  readonly onPeople: (() => void) | undefined
}

/** The head of the page: where the reader is, and the connection's state at all times. */
export function Bar({ chat, onRooms, onPeople }: Props) {
  const room = chat.current.value
  const elsewhere = chat.unread.value - (room?.unread.value ?? 0)
  return (
    <header class="bar">
      {onRooms && (
        <button
          type="button"
          class={`icon-button ${elsewhere > 0 ? 'has-unread' : ''}`}
          aria-label={strings.rooms.menu(elsewhere)}
          onClick={onRooms}
        >
          <Icon name="menu" />
        </button>
      )}
      <div class="bar-title">
        {room && <Flag of={room.name} />}
        <h1 dir="auto">{room?.name ?? strings.product}</h1>
      </div>
      <ConnectionPill chat={chat} />
      {room && onPeople && (
        <button
          type="button"
          class="icon-button with-count"
          aria-label={strings.people.open(room.presence.count.value)}
          onClick={onPeople}
        >
          <Icon name="people" />
          <span aria-hidden="true">{room.presence.count}</span>
        </button>
      )}
    </header>
  )
}
