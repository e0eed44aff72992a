import { useSignal, useSignalEffect } from '@preact/signals'
import { media } from '../shared/media.js'
import { strings } from '../strings.js'
import { Bar } from './bar.js'
import type { Chat } from './chat.js'
import type { Directory } from './directory.js'
import { Drawer } from './drawer.js'
import { Home } from './home.js'
import { PeoplePanel } from './people-panel.js'
import { RoomView } from './room-view.js'
import { RoomsPanel } from './rooms-panel.js'
import { route } from './route.js'

// The same widths as in styles/shell.css.
const roomsBeside = media('(min-width: 48rem)')
const peopleBeside = media('(min-width: 68rem)')

interface Props {
  readonly chat: Chat
  readonly directory: Directory
}

/** Rooms, what is said, and who is here: side by side, or one at a time where there is no room. */
export function Shell({ chat, directory }: Props) {
  const drawer = useSignal<'rooms' | 'people' | undefined>(undefined)
  useSignalEffect(() => {
    route.value
    drawer.value = undefined
  })
  const close = () => {
    drawer.value = undefined
  }
  const room = chat.current.value
  const rooms = <RoomsPanel chat={chat} directory={directory} />
  return (
    <div class="shell">
      <button
        type="button"
        class="skip"
        onClick={() => document.getElementById('compose')?.focus()}
      >
        {strings.skipToCompose}
      </button>
      {roomsBeside.value ? (
        <nav class="panel" aria-label={strings.rooms.title}>
          {rooms}
        </nav>
      ) : (
        <Drawer open={drawer.value === 'rooms'} title={strings.rooms.title} onClose={close}>
          {rooms}
        </Drawer>
      )}
      <main class="main">
        <Bar
          chat={chat}
          onRooms={roomsBeside.value ? undefined : () => (drawer.value = 'rooms')}
          onPeople={peopleBeside.value ? undefined : () => (drawer.value = 'people')}
        />
        {room ? <RoomView key={room.name} chat={chat} room={room} /> : <Home chat={chat} />}
      </main>
      {room && peopleBeside.value && (
        <aside class="panel" aria-label={strings.people.title}>
          <PeoplePanel chat={chat} room={room} />
        </aside>
      )}
      {room && !peopleBeside.value && (
        <Drawer
          open={drawer.value === 'people'}
          side="end"
          title={strings.people.title}
          onClose={close}
        >
          <PeoplePanel chat={chat} room={room} />
        </Drawer>
      )}
    </div>
  )
}
