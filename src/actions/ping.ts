import type { Action } from './action.js'

const PONG = '{"event":"pong"}'

/** The ping of a client that cannot see WebSocket pings. */
export const ping: Action<'ping'> = {
  exclusive: false,
  weight: 1,
  run: () => PONG,
}
