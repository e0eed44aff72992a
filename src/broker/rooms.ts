/** Which rooms a page is to have. */
export interface RoomsQuery {
  /** Default: rooms of all names. */
  readonly prefix?: string
  /** Continue after this name. */
  readonly after?: string
  /** Most rooms. */
  readonly limit: number
}

/** How a room is. */
export interface RoomInfo {
  readonly room: string
  /** Users in it, over all nodes. */
  readonly members: number
  readonly epoch: string
  /** Of its newest message; 0 when there is none. */
  readonly offset: number
  /** Oldest offset still kept; `offset + 1` when nothing is kept any more. */
  readonly first: number
  /** Time of the newest message kept, milliseconds since 1970; undefined when none is kept. */
  readonly lastMessage: number | undefined
}

/** Rooms in the order of their names, by code point. */
export interface RoomsPage {
  readonly rooms: readonly RoomInfo[]
  /** Rooms follow behind the last one. */
  readonly more: boolean
}
