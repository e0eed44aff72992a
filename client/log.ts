import type { Position } from '../src/protocol/actions.js'
import type { Message } from '../src/protocol/events.js'
import type { ResetEvent } from './room-api.js'
import type { ResultOf } from './wire.js'

/** What the answer to a join adds to what was emitted. */
export interface CatchUp {
  /** Announces that `messages` do not follow what was emitted before. */
  readonly reset?: ResetEvent
  readonly messages: readonly Message[]
}

/**
 * Reads the answer to a join with `since: last`. It goes by epoch and offsets alone, so that a
 * server that says `recovered` wrongly misleads nobody: what has a hole counts as missing.
 */
export function catchUp(
  last: Position | undefined,
  { epoch, offset, messages }: ResultOf<'join'>,
): CatchUp {
  const known = last && last.epoch === epoch && last.offset <= offset ? last.offset : undefined
  const rest = messages.filter((message) => message.offset > (known ?? 0))
  const from = offset - rest.length
  const whole = rest.every((message, index) => message.offset === from + index + 1)
  const start = whole ? from : offset
  const missed = { messages: whole ? rest : [] }
  if (!last || start === known) return missed
  return {
    ...missed,
    reset: { epoch, offset: start, reason: known === undefined ? 'erased' : 'gap' },
  }
}
