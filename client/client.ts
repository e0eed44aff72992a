import type { Client, ClientState } from './api.js'
import { Connection, type ContentEvent } from './connection.js'
import { type Deferred, defer } from './deferred.js'
import type { ParleyError } from './errors.js'
import { Keeper } from './keeper.js'
import { type ClientOptions, resolveOptions } from './options.js'
import { RoomSession } from './room.js'
import type { RequestName, RequestOf, ResultOf } from './wire.js'

/** The connection together with the rooms over it. */
export class ClientSession<Msg, Sig> extends Connection<Msg> implements Client<Msg, Sig> {
  readonly keeper: Keeper
  readonly #rooms = new Map<string, RoomSession<Msg, Sig>>()
  #callers: Deferred<void>[] = []

  constructor(options: ClientOptions) {
    super(resolveOptions(options))
    this.keeper = new Keeper(options.store, (error) => this.emit('error', error))
    if (options.store) void this.#restore()
  }

  get user(): string | undefined {
    return this.welcome?.user
  }

  get nick(): string | undefined {
    return this.welcome?.nick
  }

  get connectionId(): string | undefined {
    return this.connected ? this.welcome?.connection : undefined
  }

  get expires(): number | undefined {
    return this.welcome?.expires
  }

  connect(): Promise<void> {
    const caller = defer<void>()
    const state: ClientState = this.state
    if (state === 'connected') caller.resolve()
    else if (state === 'closed') caller.reject(this.ended as ParleyError)
    else {
      this.#callers.push(caller)
      if (state === 'idle' || state === 'failed') this.reconnectNow()
    }
    return caller.promise
  }

  override close(): void {
    super.close()
    this.keeper.close()
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

  protected up(): void {
    for (const caller of this.#callers.splice(0)) caller.resolve()
    for (const room of this.#rooms.values()) room.up()
  }

  protected down(): void {
    for (const room of this.#rooms.values()) room.down()
  }

  protected over(error: ParleyError): void {
    for (const caller of this.#callers.splice(0)) caller.reject(error)
    for (const room of this.#rooms.values()) room.over(error)
  }

  protected received(event: ContentEvent): void {
    if (event.event === 'direct') this.emit('direct', { ...event, msg: event.msg as Msg })
    else this.#rooms.get(event.room)?.received(event)
  }

  async #restore(): Promise<void> {
    await this.keeper.load((send) => this.room(send.room).sends.restore(send))
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
