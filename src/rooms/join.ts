import type { Broker, Page } from '../broker/broker.js'
import { StoreUnavailable } from '../broker/broker.js'
import type { Connection } from '../connections/connection.js'
import type { Position } from '../protocol/actions.js'
import { CloseCode } from '../protocol/close-codes.js'
import { DEFAULT_PAGE_MESSAGES, MAX_PAGE_MESSAGES } from '../protocol/limits.js'
import type { Joiner } from './joiner.js'
import type { Room } from './room.js'

/** Where a joining client stands, and what it asked for. */
export interface JoinRequest {
  readonly since?: Position | undefined
  /** How many recent messages, when there is nothing to recover. */
  readonly history?: number | undefined
}

/** The log's part of a `join` reply: live messages follow after `offset`. */
export interface Start {
  readonly epoch: string
  readonly offset: number
  readonly first: number
  readonly recovered: boolean
  readonly messages: Page['messages']
  /** The room's offset when this was read: everything after it is held. */
  readonly target: number
}

/**
 * Reads what a joining client is to start with. Call it with the joiner already holding, so that
 * everything after the position read here is either in the log's next page or held.
 * @throws {StoreUnavailable} when the log cannot be read.
 */
export async function readStart(
  broker: Broker,
  room: Room,
  joiner: Joiner,
  request: JoinRequest,
  maxLength: number,
): Promise<Start> {
  for (;;) {
    joiner.restart()
    const live = room.position
    const recovered =
      request.since && (await readSince(broker, room, request.since, live, maxLength))
    const start = recovered ?? (await readNewest(broker, room, request, live, maxLength))
    if (joiner.cancelled || (!joiner.stale && start.epoch === live.epoch)) return start
    if (!joiner.stale) throw new StoreUnavailable('the room is being reset', { retryAfter: 100 })
  }
}

/** Undefined when what came after `since` is not all there any more. */
async function readSince(
  broker: Broker,
  room: Room,
  since: Position,
  live: Position,
  maxLength: number,
): Promise<Start | undefined> {
  const upTo = Math.max(live.offset, since.offset)
  const query = { after: since.offset, upTo, limit: MAX_PAGE_MESSAGES, maxLength }
  const { epoch, offset, first, messages } = await broker.read(room.name, query)
  const kept = since.offset >= first - 1 && since.offset <= offset
  if (epoch !== since.epoch || !kept) return undefined
  const last = messages.at(-1)?.offset ?? since.offset
  return { epoch, offset: last, first, recovered: true, messages, target: live.offset }
}

async function readNewest(
  broker: Broker,
  room: Room,
  request: JoinRequest,
  live: Position,
  maxLength: number,
): Promise<Start> {
  const limit = request.history ?? (request.since ? DEFAULT_PAGE_MESSAGES : 0)
  const query = { before: live.offset + 1, limit, maxLength }
  const { epoch, first, messages } = await broker.read(room.name, query)
  const { offset } = live
  return { epoch, offset, first, recovered: false, messages, target: offset }
}

/**
 * Sends the rest of what a client missed, page by page as it takes it, then what was held, and
 * makes it a live member.
 */
export async function catchUp(
  broker: Broker,
  room: Room,
  joiner: Joiner,
  { offset: from, target }: Start,
  maxLength: number,
): Promise<void> {
  const { connection } = joiner
  let offset = from
  while (offset < target && !joiner.stale) {
    await drained(connection)
    if (joiner.cancelled) return
    const query = { after: offset, upTo: target, limit: MAX_PAGE_MESSAGES, maxLength }
    const page = await broker.read(room.name, query)
    if (joiner.cancelled) return
    if (joiner.stale) break
    if (page.messages[0]?.offset !== offset + 1) {
      // Retention was faster than this client. It comes back with its position and is told so.
      connection.close(CloseCode.slowConsumer, 'Slow consumer')
      return
    }
    for (const message of page.messages) connection.send(message.json)
    offset += page.messages.length
  }
  // A client that was served by a node further ahead than this one waits until this one is there.
  if (!joiner.stale && offset > room.position.offset) await room.reached(offset)
  if (joiner.cancelled) return
  goLive(room, joiner, offset)
}

/** Whether a client that was sent `start` has all that is not held, on this node too. */
export function isUpToDate(room: Room, { offset, target }: Start): boolean {
  return offset >= target && offset <= room.position.offset
}

/** Ends the holding back: the client has everything up to `offset`, and gets the rest at once. */
export function goLive(room: Room, joiner: Joiner, offset: number): void {
  room.joiners.delete(joiner)
  joiner.release(joiner.stale ? 0 : offset)
  room.admit(joiner.connection)
}

function drained(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    connection.flush()
    connection.transport.onceDrained(resolve)
  })
}
