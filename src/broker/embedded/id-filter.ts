import { randomBytes } from 'node:crypto'
import { idKeyOf, SEPARATOR } from './lmdb-codec.js'

/**
 * A set of ids that says of one that is in it always "perhaps", and of nearly all others "no": a
 * Bloom filter in blocks, so that an answer costs one look into memory. Nothing can be taken out.
 */
export class IdFilter {
  readonly #most: number
  #words: Uint32Array
  #blockMask: number
  /** Ids that can still be added before it is to grow. */
  #left: number

  /**
   * Less than one answer in fifty is "perhaps" for nothing, also when it has grown to thirty times
   * its first size. With more than `most` it goes on, and says "perhaps" more and more often.
   * @param capacity ids that it has room for at once, 4 bytes each; it grows with more
   */
  constructor(capacity: number, most = capacity) {
    const blocks = 2 ** Math.ceil(Math.log2(Math.max(1, capacity / IDS_A_BLOCK)))
    this.#most = most
    this.#words = new Uint32Array(blocks * WORDS_A_BLOCK)
    this.#blockMask = blocks - 1
    this.#left = blocks * IDS_A_BLOCK
  }

  /** Adds an id by its `hashOf`. */
  add(hash: number): void {
    if (this.#left-- === 0) this.#grow()
    const words = this.#words
    const block = (hash & this.#blockMask) * WORDS_A_BLOCK
    const bits = mixed(hash)
    for (let shift = 0; shift < 32; shift += 8) {
      const bit = (bits >>> shift) & 0xff
      const at = block + (bit >>> 5)
      words[at] = (words[at] as number) | (1 << (bit & 31))
    }
  }

  /** False: the id with this `hashOf` was not added. */
  mayHave(hash: number): boolean {
    const words = this.#words
    const block = (hash & this.#blockMask) * WORDS_A_BLOCK
    const bits = mixed(hash)
    for (let shift = 0; shift < 32; shift += 8) {
      const bit = (bits >>> shift) & 0xff
      if (((words[block + (bit >>> 5)] as number) & (1 << (bit & 31))) === 0) return false
    }
    return true
  }

  /** Each block becomes two, for hashes with one more bit: what was in it may be in either. */
  #grow(): void {
    const { length } = this.#words
    const blocks = length / WORDS_A_BLOCK
    if (2 * blocks * IDS_A_BLOCK > this.#most) return
    const words = new Uint32Array(2 * length)
    words.set(this.#words)
    words.set(this.#words, length)
    this.#words = words
    this.#blockMask = 2 * blocks - 1
    this.#left = blocks * IDS_A_BLOCK
  }
}

const IDS_A_BLOCK = 8
const WORDS_A_BLOCK = 8

/**
 * A 32-bit integer for the key of an id (FNV-1a). It is another one in every process, so that
 * nobody can choose ids that have the same.
 */
export function hashOf(key: Buffer, start = 0, end = key.length): number {
  let hash = SEED
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (key[at] as number), PRIME)
  return hash
}

/** `hashOf` of the key of an id, which is not made for it where user and id are ASCII. */
export function hashOfId(room: number, user: string, id: string): number {
  let hash = SEED
  const high = Math.floor(room / 2 ** 32)
  hash = Math.imul(hash ^ (high >>> 8), PRIME)
  hash = Math.imul(hash ^ (high & 0xff), PRIME)
  for (let shift = 24; shift >= 0; shift -= 8) {
    hash = Math.imul(hash ^ ((room >>> shift) & 0xff), PRIME)
  }
  let seen = 0
  for (let i = 0; i < user.length; i++) {
    const unit = user.charCodeAt(i)
    seen |= unit
    hash = Math.imul(hash ^ unit, PRIME)
  }
  hash = Math.imul(hash ^ SEPARATOR, PRIME)
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i)
    seen |= unit
    hash = Math.imul(hash ^ unit, PRIME)
  }
  return seen < 0x80 ? hash : hashOf(idKeyOf(room, user, id))
}

const PRIME = 0x01000193
const SEED = randomBytes(4).readInt32BE()

/** Spreads what differs in two numbers over all their bits (the end of MurmurHash3). */
function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}
