import type { Position } from '../src/protocol/actions.js'
import type { Message } from '../src/protocol/events.js'
import type { ResetEvent, RoomMessage } from './room-api.js'
import type { ResultOf } from './wire.js'

/** What the answer to a join adds to what was emitted. */
export interface CatchUp {
  /** Why `messages` do not follow what was emitted before, unless they do. */
  readonly broken?: ResetEvent['reason']
  /** What comes next, up to the position in the answer. */
  readonly messages: readonly Message[]
}

/**
 * Reads the answer to a join with `since: last`. It goes by epoch and offsets alone, so that a
 * server that says `recovered` wrongly misleads nobody: what has a hole counts as missing.
 */
export function catchUp(
  last: Position | undefined,
  { epoch, offset, messages: all }: ResultOf<'join'>,
): CatchUp {
  const known = last && last.epoch === epoch && last.offset <= offset ? last.offset : undefined
  const rest = all.filter((message) => message.offset > (known ?? 0))
  const start = offset - rest.length
  const whole = rest.every((message, index) => message.offset === start + index + 1)
  const messages = whole ? rest : []
  if (!last || offset - messages.length === known) return { messages }
  return { messages, broken: known === undefined ? 'erased' : 'gap' }
}

/** A message event as applications get it: always with its epoch. */
export const asRoomMessage = <Msg>(message: Message, epoch: string) =>
  ({ ...message, epoch }) as RoomMessage<Msg>
