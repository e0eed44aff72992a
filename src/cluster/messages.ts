/** What the processes of one service tell each other over the channel that Node opens for them. */

export type ToWorker =
  /** Are you there? Answered with the same. */
  | { readonly parley: 'beat' }
  /** Send everyone away and end. */
  | { readonly parley: 'stop' }
  /** Say what you measured. */
  | { readonly parley: 'measure'; readonly number: number }
  /** What all processes measured, in Prometheus' text format. */
  | { readonly parley: 'measured'; readonly texts: readonly string[] }

export type ToPrimary =
  | { readonly parley: 'beat' }
  /** This worker serves clients at this address. */
  | { readonly parley: 'ready'; readonly url: string }
  /** Somebody asked this worker for a drain, which is one of the whole service. */
  | { readonly parley: 'drain' }
  /** Somebody wants to know what all processes measured. */
  | { readonly parley: 'measure' }
  | { readonly parley: 'measured'; readonly number: number; readonly text: string }

/** The file descriptor of the socket over which a worker reaches the log. */
export const LOG_FD = 4

/** Environment variable with a worker's number, 1 and up; other processes do not have it. */
export const WORKER_VARIABLE = 'PARLEY_WORKER'
