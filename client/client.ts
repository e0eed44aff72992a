import type { Client, DirectMessage } from './api.js'
import { Connection, type ContentEvent } from './connection.js'
import { type Deferred, defer } from './deferred.js'
import { ParleyError } from './errors.js'
import { type ClientOptions, resolveOptions } from './options.js'
import { RoomSession } from './room.js'
import type { OutboxStore } from './store.js'
import type { RequestName, RequestOf, ResultOf } from './wire.js'

/** The connection together with the rooms over it. */
export class ClientSession<Msg, Sig> extends Connection<Msg> implements Client<Msg, Sig> {
  /** Nothing is sent before what an earlier client left behind is in the outboxes. */
  restored = false
  readonly #rooms = new Map<string, RoomSession<Msg, Sig>>()
  #callers: Deferred<void>[] = []

  constructor(options: ClientOptions) {
    super(resolveOptions(options))
    void this.#restore()
  }

  get user(): string | undefined {
    return this.welcome?.user
  }

  get nick(): string | undefined {
    return this.welcome?.nick
  }

  get connectionId(): string | undefined {
    return this.channel && this.welcome?.connection
  }

  get expires(): number | undefined {
    return this.welcome?.expires
  }

  connect(): Promise<void> {
    const caller = defer<void>()
    this.#callers.push(caller)
    this.reconnectNow()
    this.#answerCallers()
    return caller.promise
  }

  override close(): void {
    super.close()
    void this.withStore((store) => store.close?.())
  }

  room(name: string): RoomSession<Msg, Sig> {
    const room = this.#rooms.get(name) ?? new RoomSession<Msg, Sig>(name, this)
    this.#rooms.set(name, room)
    return room
  }

  sendToUser(user: string, msg: Msg): Promise<{ connections: number }> {
    return this.ask('send_to_user', { user, msg })
  }

  /** A request as a promise. */
  ask<Name extends RequestName>(action: Name, fields: RequestOf<Name>): Promise<ResultOf<Name>> {
    const { promise, resolve, reject } = defer<ResultOf<Name>>()
    this.request(action, fields, (error, result) => {
      if (error) reject(error)
      else if (result) resolve(result)
    })
    return promise
  }

  /** Does something with the store of waiting messages; what it throws stops nothing. */
  async withStore(work: (store: OutboxStore) => unknown): Promise<void> {
    try {
      if (this.settings.store) await work(this.settings.store)
    } catch (cause) {
      this.emit('error', new ParleyError('STORE', `The store: ${cause}`, undefined, cause))
    }
  }

  protected changed(): void {
    this.#answerCallers()
    for (const room of this.#rooms.values()) room.connectionChanged()
  }

  protected received(event: ContentEvent): void {
    if (event.event === 'direct') this.emit('direct', event as DirectMessage<Msg>)
    else this.#rooms.get(event.room)?.received(event)
  }

  #answerCallers(): void {
    if (!this.channel && !this.ended) return
    for (const { resolve, reject } of this.#callers.splice(0)) {
      if (this.ended) reject(this.ended)
      else resolve()
    }
  }

  /** Fills the outboxes with what an earlier client left behind, the newest first. */
  async #restore(): Promise<void> {
    await this.withStore(async (store) => {
      const sends = [...(await store.load())].reverse()
      for (const send of sends) this.room(send.room).sends.restore(send)
    })
    this.restored = true
    for (const room of this.#rooms.values()) room.sends.flush()
  }
}

/**
 * Creates a client. It does nothing before `connect()` or the first `join()`.
 *
 * @typeParam Msg - what messages carry, in rooms and to users
 * @typeParam Sig - what signals carry
 * @throws TypeError when an option can never work, like an address that is no URL
 *
 * @example
 * const client = createClient<{ text: string }>({ url: '/chat', getToken: () => fetchToken() })
 * const room = client.room('8888')
 * room.on('message', ({ nick, msg }) => show(nick, msg.text))
 * await room.join()
 * await room.send({ text: 'Hello' })
 */
export function createClient<Msg = unknown, Sig = unknown>(
  options: ClientOptions,
): Client<Msg, Sig> {
  return new ClientSession<Msg, Sig>(options)
}
