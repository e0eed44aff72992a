import type { Database, RootDatabase } from 'lmdb'
import type { Remembered } from '../broker.js'
import { idKeys, messageKeys, nameKeys } from './lmdb-codec.js'
import type { Durability, RoomRecord, StoreEpoch } from './store.js'

/** The databases of one environment. */
export interface LmdbDatabases {
  readonly meta: Database<Meta[keyof Meta], keyof Meta>
  readonly rooms: Database<StoredRecord, string>
  readonly messages: Database<Buffer, number[]>
  readonly ids: Database<Buffer, (number | string)[]>
  /** `messages` and `ids` once more, for keys that are bytes already. */
  readonly rawMessages: Database<Buffer, Buffer>
  readonly rawIds: Database<Buffer, Buffer>
  /** Keys of rooms whose messages and ids are to be swept. */
  readonly garbage: Database<true, number>
  readonly values: Database<Omit<Remembered, 'key'>, string>
}

export interface Meta {
  epoch: StoreEpoch
  lastKey: number
  life: {
    readonly boot: string
    readonly durability: Durability
    /** How often a tail may have been lost so far. */
    readonly generation: number
    /** It ended with `close`. */
    readonly clean: boolean
  }
  probe: string
  /** Number of the last segment of the journal that is in the store as a whole. */
  absorbed: number
}

/**
 * A record on disk. Its epoch is good for the generation in which it was given; in later ones the
 * room's epoch has the generation's number at its end, so that a new generation costs no write.
 */
export interface StoredRecord {
  readonly key: number
  readonly epoch: string
  readonly generation: number
  readonly trimmed: number
}

export function openDatabases(root: RootDatabase<Buffer, string>): LmdbDatabases {
  const json = { encoding: 'json' } as const
  return {
    meta: root.openDB('meta', json),
    rooms: root.openDB('rooms', keyed('json', nameKeys)),
    garbage: root.openDB('garbage', json),
    values: root.openDB('values', keyed('json', nameKeys)),
    messages: root.openDB('messages', keyed('binary', messageKeys)),
    ids: root.openDB('ids', keyed('binary', idKeys)),
    rawMessages: root.openDB('messages', RAW),
    rawIds: root.openDB('ids', RAW),
  }
}

const RAW = { encoding: 'binary', keyEncoding: 'binary' } as const

/** Options of a database with keys of our own format. */
function keyed(encoding: 'json' | 'binary', keyEncoder: object) {
  return { encoding, keyEncoder }
}

export function fromStored(stored: StoredRecord, generation: number): RoomRecord {
  const { key, epoch, trimmed } = stored
  const isCurrent = stored.generation === generation
  return { key, epoch: isCurrent ? epoch : `${epoch}.${generation}`, trimmed }
}

export function toStored({ key, epoch, trimmed }: RoomRecord, generation: number): StoredRecord {
  const [base = epoch, since] = epoch.split('.')
  return { key, epoch: base, generation: since === undefined ? generation : EARLIER, trimmed }
}

const EARLIER = -1
