/**
 * The client of Parley: rooms whose messages are never lost, doubled or out of order, for
 * browsers, workers and Node.
 */
export type * from './api.js'
export type { Backoff } from './backoff.js'
export { createClient } from './client.js'
export type { Clock } from './clock.js'
export { type ClientErrorCode, ParleyError } from './errors.js'
export { localStorageOutbox } from './local-storage.js'
export type { ClientOptions } from './options.js'
export type * from './room-api.js'
export type { SocketConstructor, SocketLike } from './socket.js'
export type { OutboxStore, StoredSend } from './store.js'
export type { GetToken, TokenReason } from './tokens.js'
