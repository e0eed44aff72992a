import { randomId } from './clock.js'
import { type Deferred, defer } from './deferred.js'
import { ParleyError } from './errors.js'
import { isPassing, pauseOf } from './passing.js'
import type { RoomSession } from './room.js'
import type { OutboxItem, PendingSend, SendInfo } from './room-api.js'
import type { StoredSend } from './store.js'
import type { ResultOf } from './wire.js'

interface Entry<Msg> {
  readonly msg: Msg
  readonly stored: StoredSend
  readonly answer: Deferred<SendInfo>
  state: OutboxItem<Msg>['state']
  error: ParleyError | undefined
}

/**
 * The messages of one room that the server has not confirmed, in the order of sending.
 *
 * One message is on its way at a time. With several, the server could refuse one for the moment
 * (rate limit, store away) and take the next, and the order would be lost. A message that goes
 * out again after a reconnect has the same id, so that the server stores it once.
 */
export class Outbox<Msg> {
  readonly #room: RoomSession<Msg, never>
  #entries: Entry<Msg>[] = []
  #restored = 0
  /** The message on its way; a new object each time, so that a late answer is told apart. */
  #flight: { readonly entry: Entry<Msg> } | undefined
  #cancelPause: (() => void) | undefined

  constructor(room: RoomSession<Msg, never>) {
    this.#room = room
  }

  get items(): OutboxItem<Msg>[] {
    return this.#entries.map(({ stored, msg, state, error }) => ({
      id: stored.id,
      msg,
      state,
      error,
    }))
  }

  /** A failed message with this id is sent again; one that waits is the same message. */
  add(msg: Msg, id = randomId()): PendingSend {
    const known = this.#find(id)
    if (known && known.state !== 'failed') return pendingSend(known.answer, id)
    const json = toJson(msg)
    const refusal = this.#refusal(id, json, known)
    if (refusal) {
      const answer = defer<SendInfo>()
      answer.reject(refusal)
      return pendingSend(answer, id)
    }
    if (known) this.#remove(known)
    const entry = newEntry<Msg>({ room: this.#room.name, id, json: json as string })
    this.#entries.push(entry)
    this.#room.client.keeper.add(entry.stored)
    this.#changed()
    return pendingSend(entry.answer, id)
  }

  retry(id: string): PendingSend {
    return this.add(this.#find(id)?.msg as Msg, id)
  }

  discard(id: string): void {
    const entry = this.#find(id)
    if (entry === undefined) return
    this.#remove(entry)
    entry.answer.reject(new ParleyError('DISCARDED', 'Discarded'))
    this.#changed()
  }

  /** Takes over what an earlier client left behind, in front of everything of this one. */
  restore(send: StoredSend): void {
    if (this.#find(send.id)) return
    this.#entries.splice(this.#restored, 0, newEntry(send))
    this.#restored += 1
  }

  /** The connection is gone. What was on its way goes again, first of all, when it is back. */
  hold(): void {
    this.#cancelPause?.()
    this.#cancelPause = undefined
    const entry = this.#flight?.entry
    this.#flight = undefined
    if (entry) this.#wait(entry)
    this.#room.emit('outbox')
  }

  /** All that waits fails; what is on its way will be answered. */
  end(error: ParleyError): void {
    for (const entry of this.#entries) if (entry.state === 'pending') fail(entry, error)
    this.#room.emit('outbox')
  }

  /** Sends the oldest waiting message, if one may go. */
  flush(): void {
    const { state, name, client } = this.#room
    if (state !== 'joined' || !client.keeper.ready || this.#flight || this.#cancelPause) return
    const entry = this.#entries.find((one) => one.state === 'pending')
    if (entry === undefined) return
    const flight = { entry }
    this.#flight = flight
    entry.state = 'sending'
    client.request(
      'send_to_room',
      { room: name, msg: entry.msg },
      (error, result) => {
        if (flight === this.#flight) this.#answered(entry, error, result)
      },
      entry.stored.id,
    )
    this.#room.emit('outbox')
  }

  #answered(
    entry: Entry<Msg>,
    error: ParleyError | undefined,
    result: ResultOf<'send_to_room'> | undefined,
  ): void {
    this.#flight = undefined
    if (result) {
      this.#remove(entry)
      entry.answer.resolve(result)
    } else if (error?.code === 'DISCONNECTED') {
      this.#wait(entry)
      return
    } else if (error?.code === 'NOT_A_MEMBER') {
      this.#wait(entry)
      this.#room.rejoin()
    } else if (error && isPassing(error)) {
      this.#wait(entry)
      this.#cancelPause = this.#room.client.settings.clock.after(pauseOf(error), () => {
        this.#cancelPause = undefined
        this.flush()
      })
    } else if (error) {
      fail(entry, error)
    }
    this.#changed()
  }

  /** Back to its place in the queue, unless the room was left meanwhile. */
  #wait(entry: Entry<Msg>): void {
    entry.state = 'pending'
    if (this.#room.refusal) fail(entry, this.#room.refusal)
  }

  #refusal(id: string, json: string | undefined, known: unknown): ParleyError | undefined {
    const { outboxLimit } = this.#room.client.settings
    if (this.#room.refusal) return this.#room.refusal
    if (!/^[!-~]{1,64}$/.test(id)) {
      return new ParleyError('BAD_FIELD', '"id" must be 1 to 64 visible ASCII characters')
    }
    if (json === undefined) return new ParleyError('BAD_FIELD', '"msg" must be a JSON value')
    if (known || this.#entries.length < outboxLimit) return undefined
    return new ParleyError('OUTBOX_FULL', `${outboxLimit} messages wait already`)
  }

  #find(id: string): Entry<Msg> | undefined {
    return this.#entries.find((entry) => entry.stored.id === id)
  }

  #remove(entry: Entry<Msg>): void {
    this.#entries = this.#entries.filter((other) => other !== entry)
    this.#room.client.keeper.remove(entry.stored)
  }

  #changed(): void {
    this.#room.emit('outbox')
    this.flush()
  }
}

function newEntry<Msg>(stored: StoredSend): Entry<Msg> {
  // Parsed again, so that what is sent does not change with the object that was handed in.
  const msg = JSON.parse(stored.json) as Msg
  return { msg, stored, answer: defer(), state: 'pending', error: undefined }
}

function fail(entry: Entry<unknown>, error: ParleyError): void {
  entry.state = 'failed'
  entry.error = error
  entry.answer.reject(error)
}

const pendingSend = ({ promise }: Deferred<SendInfo>, id: string): PendingSend =>
  Object.assign(promise, { id })

/** Undefined for what JSON cannot say, like a function or a cycle. */
function toJson(msg: unknown): string | undefined {
  try {
    return JSON.stringify(msg)
  } catch {
    return undefined
  }
}
