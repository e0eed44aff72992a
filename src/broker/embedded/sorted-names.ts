/**
 * A set of strings in the order of code points, which is the order of their UTF-8 bytes and so
 * the order in which the store lists names. Kept in chunks, so that adding to a set of 100,000
 * moves a few hundred entries, not all of them.
 */
export class SortedNames {
  readonly #chunks: string[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a name that is not in the set. */
  add(name: string): void {
    this.#size++
    const at = Math.min(this.#chunkOf(name), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([name])
      return
    }
    chunk.splice(firstAtLeast(chunk, name), 0, name)
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK / 2))
  }

  /** Removes a name that is in the set. */
  delete(name: string): void {
    const at = this.#chunkOf(name)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return
    const index = firstAtLeast(chunk, name)
    if (chunk[index] !== name) return
    this.#size--
    chunk.splice(index, 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
  }

  /** The names in order, from the first that is not below `from`. */
  *from(from: string): Generator<string, void> {
    let at = this.#chunkOf(from)
    let index = firstAtLeast(this.#chunks[at] ?? [], from)
    for (; at < this.#chunks.length; at++, index = 0) {
      const chunk = this.#chunks[at] as string[]
      for (; index < chunk.length; index++) yield chunk[index] as string
    }
  }

  /** Index of the first chunk whose last name is not below `name`. */
  #chunkOf(name: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const chunk = this.#chunks[middle] as string[]
      if (compareCodePoints(chunk[chunk.length - 1] as string, name) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

const MAX_CHUNK = 512

function firstAtLeast(names: readonly string[], name: string): number {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareCodePoints(names[middle] as string, name) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Compares by code point: below 0, 0, above 0. JavaScript's `<` compares UTF-16 units instead. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Places surrogates, which stand for code points from U+10000, above every other unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
