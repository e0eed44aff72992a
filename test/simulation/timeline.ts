import type { Clock as ClientClock } from '../../client/index.js'
import type { Clock, Scheduled } from '../../src/clock.js'
import type { Random } from './random.js'

interface Entry {
  readonly at: number
  readonly order: number
  task: (() => void) | undefined
}

/** A moment in 2026, milliseconds since 1970. */
const EPOCH = 1_780_000_000_000

/**
 * Virtual time: a queue of what is to happen, in order; what is due at the same moment happens in
 * the order in which it was asked for. Nothing else moves, so that a run is a function of its seed.
 */
export class Timeline {
  /** Milliseconds since the start. */
  now = 0
  /** How many things have happened. */
  steps = 0
  readonly random: Random
  readonly #heap: Entry[] = []
  #order = 0
  #ids = 0

  constructor(random: Random) {
    this.random = random
  }

  /** Calls `task` once, `ms` from now. */
  after(ms: number, task: () => void): Scheduled {
    const entry: Entry = { at: this.now + Math.max(0, ms), order: this.#order++, task }
    this.#push(entry)
    return {
      cancel: () => {
        entry.task = undefined
      },
    }
  }

  /** Lets time pass until `end`, or until `done` says so. All promises settle between two steps. */
  async run(end: number, done: () => boolean = () => false): Promise<void> {
    await settle()
    while (!done()) {
      const next = this.#heap[0]
      if (!next || next.at > end) {
        this.now = end
        return
      }
      this.#pop()
      if (!next.task) continue
      this.now = next.at
      this.steps++
      next.task()
      await settle()
    }
  }

  /** The clock of a process; what it has scheduled ends with it. */
  serverClock(life: { readonly ended: boolean }): Clock {
    const guard = (task: () => void) => () => {
      if (!life.ended) task()
    }
    const { random } = this
    return {
      now: () => EPOCH + Math.floor(this.now),
      monotonic: () => this.now,
      defer: (task) => void this.after(0, guard(task)),
      after: (ms, task) => this.after(ms, guard(task)),
      every: (ms, task) => this.#every(ms, guard(task), life),
      random: random.next,
      id: () => `${++this.#ids}`.padStart(16, 'i'),
    }
  }

  /** The clock of a client, whose wall clock goes wrong by `skew` milliseconds. */
  clientClock(skew: number): ClientClock {
    return {
      now: () => EPOCH + Math.floor(this.now) + skew,
      monotonic: () => this.now,
      after: (ms, task) => {
        const scheduled = this.after(ms, task)
        return () => scheduled.cancel()
      },
      random: this.random.next,
    }
  }

  #every(ms: number, task: () => void, life: { readonly ended: boolean }): Scheduled {
    let next: Scheduled
    const tick = () => {
      if (life.ended) return
      next = this.after(ms, tick)
      task()
    }
    next = this.after(ms, tick)
    return { cancel: () => next.cancel() }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let i = heap.push(entry) - 1
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up] as Entry
      if (isBefore(parent, entry)) break
      heap[i] = parent
      i = up
    }
    heap[i] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let down = 2 * i + 1
      if (down >= heap.length) break
      const right = heap[down + 1]
      if (right && isBefore(right, heap[down] as Entry)) down++
      const child = heap[down] as Entry
      if (isBefore(last, child)) break
      heap[i] = child
      i = down
    }
    heap[i] = last
  }
}

const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Node runs the next tick when no promise has anything left to do. */
const settle = () => new Promise<void>((resolve) => process.nextTick(resolve))
