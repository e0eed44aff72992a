import type { Revocation } from '../auth/revocations.js'

/** What every node is to do. Plain data, so that it can travel as JSON. */
export type Command =
  /** Close one connection, wherever it is. */
  | {
      readonly command: 'disconnect'
      readonly connection: string
      readonly code: number
      readonly reason: string
    }
  /** Take all connections of a user out of a room. */
  | { readonly command: 'remove'; readonly room: string; readonly user: string }
  /** Send an event, complete JSON text, to every connection of `/chat`. */
  | { readonly command: 'broadcast'; readonly event: string }
  /** Accept these tokens no longer and close the connections that hold one. */
  | { readonly command: 'revoke'; readonly revocation: Revocation }
  /** Send everyone away and end. */
  | { readonly command: 'drain' }
  /** Tell the node of this name how you are, by `ask`. */
  | { readonly command: 'introduce'; readonly to: string; readonly round: number }
