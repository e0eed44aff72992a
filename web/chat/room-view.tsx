import { Flag } from '../shared/flag.js'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'
import { Composer } from './composer.js'
import { ConnectionNote } from './connection-note.js'
import { ProblemNote } from './problem-note.js'
import type { Room } from './room.js'
import { Transcript } from './transcript.js'
import { TypingLine } from './typing-line.js'

interface Props {
  readonly chat: Chat
  readonly room: Room
}

/** What is said in a room, and where one says something. */
export function RoomView({ chat, room }: Props) {
  const problem = room.problem.value
  const connected = chat.connection.value.state === 'connected'
  if (room.status.value === 'refused') return <Refused chat={chat} room={room} />
  return (
    <>
      <Transcript room={room} />
      <div class={`foot ${connected ? '' : 'foot-slack'}`}>
        <TypingLine room={room} />
        <ConnectionNote chat={chat} />
        {problem && <ProblemNote problem={problem} />}
        <Composer chat={chat} room={room} />
      </div>
    </>
  )
}

/** A room that the reader may not, or cannot, join. */
function Refused({ chat, room }: Props) {
  const problem = room.problem.value
  return (
    <section class="empty-room">
      <ConnectionNote chat={chat} />
      <Flag of={room.name} />
      <div role="alert">
        <h2>{problem?.title}</h2>
        <p class="hint">{problem?.remedy}</p>
      </div>
      <div class="field-row">
        <button type="button" class="button" onClick={() => void room.join(chat.nick.peek())}>
          {strings.room.tryAgain}
        </button>
        <button type="button" class="button" onClick={() => void chat.leave(room)}>
          {strings.room.leaveThis}
        </button>
      </div>
    </section>
  )
}
