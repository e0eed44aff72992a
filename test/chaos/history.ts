/**
 * What the checker judges: everything that the clients of one run did and were told, in one order,
 * and the rooms' logs as they stood in the end. The same for a run against real processes and for
 * a simulated one.
 */

/** A place in a room's log. */
interface Place {
  readonly epoch: string
  readonly offset: number
}

type Step =
  /**
   * A client exists. `ordered`: it sends a room's messages in order, so that their offsets must
   * ascend. `presence`: it records who it thinks is in its rooms, see `presence` below.
   */
  | {
      readonly type: 'client'
      readonly user: string
      readonly ordered: boolean
      readonly presence: boolean
    }
  /** A message is about to be sent for the first time. `body` is the payload's JSON text. */
  | { readonly type: 'send'; readonly room: string; readonly id: string; readonly body: string }
  /** It is sent once more while later ones may be on their way: it may come to stand after them. */
  | { readonly type: 'again'; readonly room: string; readonly id: string }
  /** It was acknowledged: stored at this place. */
  | ({ readonly type: 'ok'; readonly room: string; readonly id: string } & Place)
  /** The client gives it up: nothing is known of its fate and nothing is promised. */
  | { readonly type: 'failed'; readonly room: string; readonly id: string; readonly code: string }
  /** A membership begins; everything after this place is to come. */
  | ({ readonly type: 'start'; readonly room: string } & Place)
  /** The client was given a message. */
  | ({
      readonly type: 'message'
      readonly room: string
      readonly id: string
      readonly user: string
      readonly body: string
    } & Place)
  /** The client was told that the sequence is broken and goes on after this place. */
  | ({ readonly type: 'reset'; readonly room: string } & Place)
  /** The client decided to leave; its view of the room ends here. */
  | { readonly type: 'leave'; readonly room: string }
  /** The client is gone: closed or killed. All its views end here. */
  | { readonly type: 'stop' }
  /** Who the client thinks is in the room: from `quiet` on, at once and at each change. */
  | { readonly type: 'presence'; readonly room: string; readonly users: readonly string[] }
  /** For the reader only: connects, disconnects, joins again. */
  | { readonly type: 'note'; readonly text: string }

/** Something that a client did or was told. `at` is monotonic, milliseconds, one clock for all. */
export type ClientEvent = Step & { readonly at: number; readonly client: string }

/** Something that was done to the service. */
export type ServiceEvent = { readonly at: number; readonly client?: undefined } & (
  | { readonly type: 'fault'; readonly text: string }
  /** A room's log may begin anew from here on: somebody asked for its erasure. */
  | { readonly type: 'erase'; readonly room: string }
  /** Every log may begin anew from here on: the data were taken away. */
  | { readonly type: 'lost' }
  /** All faults are over; presence has to settle from here on. */
  | { readonly type: 'quiet' }
  /** The clients are being ended, one process after the other: who is where is not judged any more. */
  | { readonly type: 'end' }
)

export type HistoryEvent = ClientEvent | ServiceEvent

/** A room's log at the end of the run. */
export interface FinalLog {
  readonly room: string
  readonly epoch: string
  /** Oldest offset that is still kept. */
  readonly first: number
  /** Offset of the newest message. */
  readonly offset: number
  readonly messages: readonly LoggedMessage[]
}

export interface LoggedMessage {
  readonly offset: number
  readonly id: string
  readonly user: string
  readonly body: string
}

/** Parts of a history, in the order of their clocks; what has the same time keeps its order. */
export function mergeHistories(...parts: readonly (readonly HistoryEvent[])[]): HistoryEvent[] {
  return parts.flat().sort((a, b) => a.at - b.at)
}
