import type { Position } from '../src/protocol/actions.js'
import type { Message } from '../src/protocol/events.js'
import type { ResetEvent } from './room-api.js'
import type { ResultOf } from './wire.js'

/**
 * Where a live message stands to what was emitted: the `next` one, a `repeat`, or behind a `hole`,
 * which a log that began anew is too.
 */
export function placeOf(message: Message, { epoch, offset }: Position): 'next' | 'repeat' | 'hole' {
  if ((message.epoch ?? epoch) !== epoch || message.offset > offset + 1) return 'hole'
  return message.offset === offset + 1 ? 'next' : 'repeat'
}

/** What the answer to a join adds to what was emitted. */
export interface CatchUp {
  /** Announces that `messages` do not follow what was emitted before. */
  readonly reset: ResetEvent | undefined
  readonly messages: readonly Message[]
}

/**
 * Reads the answer to a join with `since: last`. It goes by epoch and offsets alone, so that a
 * server that says `recovered` wrongly misleads nobody. Undefined when the answer has a hole.
 */
export function catchUp(
  last: Position | undefined,
  { epoch, offset, messages: all }: ResultOf<'join'>,
): CatchUp | undefined {
  const known = last && last.epoch === epoch && last.offset <= offset ? last.offset : undefined
  const messages = all.filter((message) => message.offset > (known ?? 0))
  const start = offset - messages.length
  if (messages.some((message, index) => message.offset !== start + index + 1)) return undefined
  if (last === undefined || start === known) return { reset: undefined, messages }
  const reason = known === undefined ? 'erased' : 'gap'
  return { reset: { epoch, offset: start, reason }, messages }
}
