/** One step from an open WebSocket to a member of a room. */
export type Step = { readonly send: string } | { readonly expect: string }

/** How one endpoint is spoken to. `{room}`, `{index}` and `{token}` are filled in per connection. */
export interface Endpoint {
  readonly path: string
  readonly headers?: readonly string[]
  readonly steps?: readonly Step[]
  /** The text of a publication: `{body}`, and `{room}` and `{id}` where there are such. */
  readonly publish: string
  /** A ping of the protocol's own, as a text message, and its answer. */
  readonly textPing?: { readonly ping: string; readonly pong: string }
}

/** What a server speaks. */
export interface Dialect {
  readonly chat: Endpoint
  /** Missing where there is no echo. */
  readonly echo?: Endpoint
}

const bearer = ['Authorization: Bearer {token}']

/** Parley's own protocol, with a token at the handshake. */
export const parley: Dialect = {
  chat: {
    path: '/chat',
    headers: [...bearer, 'Sec-WebSocket-Protocol: parley.v1'],
    steps: [
      { expect: '"event":"welcome"' },
      { send: '{"action":"join","id":"j","room":"{room}"}' },
      { expect: '"event":"ok"' },
    ],
    publish: '{"action":"send_to_room","id":"{id}","room":"{room}","msg":"{body}"}',
  },
  echo: { path: '/ws', headers: bearer, publish: '{body}' },
}

/** The JSON of the plain servers in `bench/peers`, the same information as Parley's. */
export const json: Dialect = {
  chat: {
    path: '/chat?user=u{index}',
    steps: [{ send: '{"action":"join","id":"j","room":"{room}"}' }, { expect: '"event":"ok"' }],
    publish: '{"action":"send","id":"{id}","room":"{room}","msg":"{body}"}',
  },
  echo: { path: '/ws', publish: '{body}' },
}

const engine = {
  path: '/socket.io/?EIO=4&transport=websocket&user=u{index}',
  textPing: { ping: '2', pong: '3' },
}
const connected: Step[] = [{ expect: '0{"sid"' }, { send: '40' }, { expect: '40{"sid"' }]

/** Socket.IO's protocol, version 5, over its WebSocket transport. */
export const socketio: Dialect = {
  chat: {
    ...engine,
    steps: [...connected, { send: '420["join","{room}"]' }, { expect: '430[' }],
    publish: '42["send","{room}","{id}","{body}"]',
  },
  echo: { ...engine, steps: connected, publish: '42["echo","{body}"]' },
}

/** nchan: the address names the room, and what is sent is what members get. */
export const nchan: Dialect = {
  chat: {
    path: '/chat/{room}',
    publish: '{"event":"message","room":"{room}","id":"{id}","user":"u{index}","msg":"{body}"}',
  },
}
