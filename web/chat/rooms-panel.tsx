import { hashOfRoom } from '../model/route.js'
import { Flag } from '../shared/flag.js'
import { Icon } from '../shared/icons.js'
import { Logo } from '../shared/logo.js'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'
import type { Directory } from './directory.js'
import { JoinForm } from './join-form.js'
import type { Room } from './room.js'
import { SelfCard } from './self-card.js'

const words = strings.rooms

interface Props {
  readonly chat: Chat
  readonly directory: Directory
}

/** The reader's rooms, the others on the server, and the reader. */
export function RoomsPanel({ chat, directory }: Props) {
  const mine = chat.rooms.value
  const others = directory.rooms.value.filter(({ name }) => !mine.some((r) => r.name === name))
  return (
    <>
      <a class="brand" href="#/">
        <Logo />
        {strings.product}
      </a>
      <JoinForm id="panel-room" />
      <div class="panel-scroll">
        <h2 class="panel-title">{words.yours}</h2>
        {mine.length === 0 && <p class="hint">{words.none}</p>}
        <ul class="room-list">
          {mine.map((room) => (
            <MyRoom key={room.name} chat={chat} room={room} />
          ))}
        </ul>
        {others.length > 0 && <h2 class="panel-title">{words.others}</h2>}
        <ul class="room-list">
          {others.map(({ name, members }) => (
            <li key={name}>
              <RoomLink name={name} members={members} unread={0} current={false} />
            </li>
          ))}
        </ul>
      </div>
      <SelfCard chat={chat} />
    </>
  )
}

function MyRoom({ chat, room }: { readonly chat: Chat; readonly room: Room }) {
  const current = chat.current.value === room
  return (
    <li>
      <RoomLink
        name={room.name}
        members={room.presence.count.value}
        unread={room.unread.value}
        current={current}
      />
      <button
        type="button"
        class="icon-button small"
        aria-label={`${strings.people.leave}: ${room.name}`}
        title={strings.people.leave}
        onClick={() => void chat.leave(room)}
      >
        <Icon name="close" />
      </button>
    </li>
  )
}

interface LinkProps {
  readonly name: string
  readonly members: number
  readonly unread: number
  readonly current: boolean
}

function RoomLink({ name, members, unread, current }: LinkProps) {
  return (
    <a class="room-link" href={hashOfRoom(name)} aria-current={current ? 'page' : undefined}>
      <Flag of={name} />
      <span class="room-name">
        <bdi>{name}</bdi>
      </span>
      {unread > 0 ? (
        <span class="badge">
          {unread > 99 ? '99+' : unread}
          <span class="visually-hidden"> {words.unread(unread)}</span>
        </span>
      ) : (
        <span class="count">
          {members}
          <span class="visually-hidden"> {words.people(members)}</span>
        </span>
      )}
    </a>
  )
}
