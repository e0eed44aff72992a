import { randomId } from './clock.js'
import { type Deferred, defer } from './deferred.js'
import { ParleyError } from './errors.js'
import { pauseAfter } from './pauses.js'
import type { RoomSession } from './room.js'
import type { OutboxItem, PendingSend, SendInfo } from './room-api.js'
import type { StoredSend } from './store.js'

interface Entry<Msg> extends StoredSend {
  readonly msg: Msg
  readonly answer: Deferred<SendInfo>
  readonly sent: PendingSend
  state: OutboxItem<Msg>['state']
  error: ParleyError | undefined
}

/** The messages of one room that the server has not confirmed, in the order of sending. */
export interface Outbox<Msg> {
  items(): OutboxItem<Msg>[]
  /** Takes a message. A failed one with this id is sent again; one that waits is the same. */
  add(msg: Msg, id?: string): PendingSend
  retry(id: string): PendingSend
  discard(id: string): void
  /** Takes over what an earlier client left behind, in front of everything; the last one first. */
  restore(send: StoredSend): void
  /** The connection is gone. What was on its way goes again, first of all, when it is back. */
  hold(): void
  /** All that waits fails; what is on its way will be answered. */
  end(error: ParleyError): void
  /** Sends the oldest waiting message, if one may go. */
  flush(): void
}

/**
 * One message is on its way at a time. With several, the server could refuse one for the moment
 * (rate limit, store away) and take the next, and the order would be lost. A message that goes
 * out again after a reconnect has the same id, so that the server stores it once.
 */
export function createOutbox<Msg>(room: RoomSession<Msg, never>): Outbox<Msg> {
  const { client } = room
  let entries: Entry<Msg>[] = []
  /** The message on its way. */
  let flight: Entry<Msg> | undefined
  /** Set while the server wants a pause. */
  let cancelPause: (() => void) | undefined

  const find = (id: string) => entries.find((entry) => entry.id === id)

  function add(msg: Msg, id = randomId()): PendingSend {
    const known = find(id)
    if (known && known.state !== 'failed') return known.sent
    const entry = newEntry<Msg>(room.name, id, toJson(msg))
    const refusal = refusalOf(entry, known)
    if (refusal) {
      fail(entry, refusal)
    } else {
      if (known) remove(known)
      entries.push(entry)
      void client.withStore((store) => store.add(entry))
      changed()
    }
    return entry.sent
  }

  function refusalOf({ id, json }: Entry<Msg>, known: unknown): ParleyError | undefined {
    const { outboxLimit } = client.settings
    if (room.refusal) return room.refusal
    if (!/^[!-~]{1,64}$/.test(id)) {
      return new ParleyError('BAD_FIELD', '"id" must be 1 to 64 visible ASCII characters')
    }
    if (!json) return new ParleyError('BAD_FIELD', '"msg" must be a JSON value')
    if (known || entries.length < outboxLimit) return undefined
    return new ParleyError('OUTBOX_FULL', `${outboxLimit} messages wait already`)
  }

  function flush(): void {
    if (room.state !== 'joined' || !client.restored || flight || cancelPause) return
    const entry = entries.find(({ state }) => state === 'pending')
    if (!entry) return
    flight = entry
    entry.state = 'sending'
    client.request(
      'send_to_room',
      { room: room.name, msg: entry.msg },
      (error, result) => {
        if (entry === flight) answered(entry, error, result)
      },
      entry.id,
    )
    room.emit('outbox')
  }

  function answered(entry: Entry<Msg>, error?: ParleyError, result?: SendInfo): void {
    flight = undefined
    if (result) {
      remove(entry)
      entry.answer.resolve(result)
    } else if (error) {
      const ms = pauseAfter(error)
      wait(entry)
      if (error.code === 'DISCONNECTED') return
      if (error.code === 'NOT_A_MEMBER') room.rejoin()
      else if (ms) pause(ms)
      else fail(entry, error)
    }
    changed()
  }

  function pause(ms: number): void {
    cancelPause = client.settings.clock.after(ms, () => {
      cancelPause = undefined
      flush()
    })
  }

  /** Back to its place in the queue, unless the room was left meanwhile. */
  function wait(entry: Entry<Msg>): void {
    entry.state = 'pending'
    if (room.refusal) fail(entry, room.refusal)
  }

  function remove(entry: Entry<Msg>): void {
    entries = entries.filter((other) => other !== entry)
    void client.withStore((store) => store.remove(entry))
  }

  function changed(): void {
    room.emit('outbox')
    flush()
  }

  return {
    items: () => entries.map(({ id, msg, state, error }) => ({ id, msg, state, error })),
    add,
    retry: (id) => add(find(id)?.msg as Msg, id),
    discard(id) {
      const entry = find(id)
      if (!entry) return
      remove(entry)
      entry.answer.reject(new ParleyError('DISCARDED'))
      changed()
    },
    restore({ id, json }) {
      if (!find(id)) entries.unshift(newEntry(room.name, id, json))
    },
    hold() {
      cancelPause?.()
      cancelPause = undefined
      if (flight) wait(flight)
      flight = undefined
      room.emit('outbox')
    },
    end(error) {
      for (const entry of entries) if (entry.state === 'pending') fail(entry, error)
      room.emit('outbox')
    },
    flush,
  }
}

/** `json` is empty for what JSON cannot say: such an entry is only there to be refused. */
function newEntry<Msg>(room: string, id: string, json: string): Entry<Msg> {
  const answer = defer<SendInfo>()
  const sent = Object.assign(answer.promise, { id })
  // Parsed again, so that what is sent does not change with the object that was handed in.
  const msg = json && JSON.parse(json)
  return { room, id, json, msg, answer, sent, state: 'pending', error: undefined }
}

function fail(entry: Entry<unknown>, error: ParleyError): void {
  entry.state = 'failed'
  entry.error = error
  entry.answer.reject(error)
}

/** Empty for what JSON cannot say, like a function or a cycle. */
function toJson(msg: unknown): string {
  try {
    return JSON.stringify(msg) ?? ''
  } catch {
    return ''
  }
}
