import { ParleyError } from './errors.js'
import type { Room, RoomMessage } from './room-api.js'

/** Messages that may wait for the loop; more than one page, which comes at once. */
const LONGEST_BACKLOG = 10_000

/** A room's messages for `for await`: from the first call on until the room is left. */
export async function* streamOf<Msg>(
  room: Pick<Room<Msg>, 'on' | 'state'>,
): AsyncGenerator<RoomMessage<Msg>, void, undefined> {
  const backlog: RoomMessage<Msg>[] = []
  let overflow = false
  let wake = () => {}
  const subscriptions = [
    room.on('message', (message) => {
      overflow ||= backlog.length >= LONGEST_BACKLOG
      // After the first message that was dropped none may follow: what is kept has no hole.
      if (!overflow) backlog.push(message)
      wake()
    }),
    room.on('state', () => wake()),
  ]
  try {
    while (true) {
      yield* backlog.splice(0)
      if (backlog.length > 0) continue
      if (overflow) throw new ParleyError('OVERFLOW', 'The loop fell too far behind the room')
      if (room.state === 'left' || room.state === 'failed') return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    for (const unsubscribe of subscriptions) unsubscribe()
  }
}
