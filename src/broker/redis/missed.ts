import type { Clock } from '../../clock.js'
import type { RoomKeys } from './keys.js'
import { type LiveMessage, parseEntryId } from './live.js'
import { CATCH_UP } from './log-scripts.js'
import type { Shards } from './shards.js'

/** How far a node knows a room. */
export interface Known {
  /** Empty: not at all, the position is all that is asked for. */
  readonly epoch: string
  readonly offset: number
  /** Of the message at `offset`. */
  readonly stamp: number
  /** Number of the last change of who is there. */
  readonly presence: number
}

/** How the room is, and a page of what led there. */
export interface Missed extends Known {
  /** The offset that the page goes on from. */
  readonly from: number
  /** The log is another one than the one that was known. */
  readonly isReset: boolean
  readonly messages: readonly Pick<LiveMessage, 'offset' | 'stamp' | 'json'>[]
  /** As they were published, number first. */
  readonly changes: readonly string[]
}

export interface MissedOptions {
  readonly keys: RoomKeys
  readonly shards: Shards
  readonly clock: Clock
  /** Lifetime of a room that nobody writes to, milliseconds. */
  readonly lifetime: number
}

/** Reply of the catch-up script; `messages` has an id and a text in turn. */
type Reply = [
  head: [epoch: string, offset: number, stamp: string, presence: number],
  from: number,
  reset: number,
  messages: string[],
  presence: string[],
]

/** Reads what happened in a room after what is known. @throws {StoreUnavailable} */
export async function readMissed(
  { keys, shards, clock, lifetime }: MissedOptions,
  { epoch, offset, stamp, presence }: Known,
): Promise<Missed> {
  const { slot, meta, log, changes, channel } = keys
  const args = [clock.id(), lifetime, epoch, offset, stamp, presence].map(String)
  const reply = await shards.run<Reply>(slot, CATCH_UP, [meta, log, changes, channel], args)
  const [head, from, reset, messages, missedChanges] = reply
  return {
    epoch: head[0],
    offset: head[1],
    stamp: Number(head[2]),
    presence: head[3],
    from,
    isReset: reset === 1,
    messages: pairs(messages),
    changes: missedChanges,
  }
}

function pairs(messages: readonly string[]): Missed['messages'] {
  const parsed: Pick<LiveMessage, 'offset' | 'stamp' | 'json'>[] = []
  for (let i = 0; i < messages.length; i += 2) {
    parsed.push({ ...parseEntryId(messages[i] as string), json: messages[i + 1] as string })
  }
  return parsed
}
