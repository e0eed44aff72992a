import type { Key, Keys, RoomKeys } from './keys.js'
import { EVICT } from './presence-scripts.js'
import type { Shards } from './shards.js'

/** Where presence is kept. */
export interface PresenceStore {
  readonly shards: Shards
  readonly keys: Keys
}

/**
 * Takes away what a node held. Every step may be repeated, also by several nodes at once.
 * @param rooms where it may have held somebody, besides those on its own list; added to
 */
export async function retire(
  { shards, keys }: PresenceStore,
  node: string,
  rooms = new Set<string>(),
): Promise<void> {
  const list: Key = keys.roomsOf(node)
  for (const room of await shards.send<string[]>(list.slot, ['SMEMBERS', list.name])) {
    rooms.add(room)
  }
  await Promise.all([...rooms].map((room) => evict(shards, keys.room(room), node)))
  await shards.send(list.slot, ['DEL', list.name])
  await shards.send(keys.nodes.slot, ['ZREM', keys.nodes.name, node])
}

/** Takes away what a node held in one room. */
export async function evict(shards: Shards, keys: RoomKeys, node: string): Promise<void> {
  const names = presenceKeys(keys, node)
  while ((await shards.run<number>(keys.slot, EVICT, names, [])) > 0);
}

/** The keys of scripts about one room and one node that has members there. */
export function presenceKeys(keys: RoomKeys, node: string): string[] {
  const { meta, users, nicks, changes, channel, holders } = keys
  return [meta, users, nicks, keys.held(node), changes, channel, holders]
}
