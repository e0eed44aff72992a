import { Flag } from '../shared/flag.js'
import { Icon } from '../shared/icons.js'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'
import { CopyLink } from './copy-link.js'
import type { Room } from './room.js'

const words = strings.people

interface Props {
  readonly chat: Chat
  readonly room: Room
}

/** Who is in the room, and what one can do with the room as a whole. */
export function PeoplePanel({ chat, room }: Props) {
  const people = [...room.presence.members.value].sort(
    (a, b) =>
      Number(room.isOwn(b.user)) - Number(room.isOwn(a.user)) || a.nick.localeCompare(b.nick),
  )
  const unlisted = room.presence.count.value - people.length
  const writing = new Set(room.typing.typists.value.map(({ user }) => user))
  return (
    <>
      <h2 class="panel-title">
        {words.title} <span class="count">{room.presence.count}</span>
      </h2>
      <div class="panel-scroll">
        <ul class="people">
          {people.map(({ user, nick }) => (
            <li key={user}>
              <Flag of={nick} />
              <span class="person">
                <bdi>{nick}</bdi>
              </span>
              {room.isOwn(user) && <span class="hint">{words.you}</span>}
              {writing.has(user) && <span class="writing" aria-hidden="true" />}
            </li>
          ))}
        </ul>
        {unlisted > 0 && <p class="hint">{words.more(unlisted)}</p>}
      </div>
      <div class="panel-foot">
        <CopyLink room={room.name} />
        <button type="button" class="button quiet" onClick={() => void chat.leave(room)}>
          <Icon name="leave" /> {words.leave}
        </button>
      </div>
    </>
  )
}
