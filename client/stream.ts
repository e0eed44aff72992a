import { ParleyError } from './errors.js'
import type { Room, RoomMessage } from './room-api.js'

/** Messages that may wait for the loop; more than one page, which comes at once. */
const LONGEST_BACKLOG = 10_000

/** A room's messages for `for await`: from the first call on until the room is left. */
export async function* streamOf<Msg>(
  room: Pick<Room<Msg>, 'on'>,
): AsyncGenerator<RoomMessage<Msg>, void, undefined> {
  const backlog: RoomMessage<Msg>[] = []
  let ended = false
  let complete = true
  let wake = () => {}
  const subscriptions = [
    room.on('message', (message) => {
      // After the first message that was dropped none may follow: what is kept has no hole.
      complete &&= backlog.length < LONGEST_BACKLOG
      if (complete) backlog.push(message)
      wake()
    }),
    room.on('state', (state) => {
      ended = state === 'left' || state === 'failed'
      wake()
    }),
  ]
  try {
    while (true) {
      yield* backlog.splice(0)
      if (backlog.length > 0) continue
      if (!complete) throw new ParleyError('OVERFLOW')
      if (ended) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    for (const unsubscribe of subscriptions) unsubscribe()
  }
}
